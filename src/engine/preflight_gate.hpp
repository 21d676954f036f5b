#pragma once
// The gate in front of every start: what 'corral doctor' would find about this service's files, program and
// port, and then the device. A fault shuts it, in the doctor's words, and costs no process and no failure;
// the files are looked at again while it is shut, so that a repaired one starts the service by itself.
//
// It is cheap where nothing has changed: what was found to be good is taken for good as long as no file of
// the package has another size, time or inode.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "corral/catalog/profile.hpp"
#include "corral/doctor/doctor.hpp"
#include "corral/supervisor/group.hpp"
#include "corral/supervisor/service_spec.hpp"

namespace corral::engine {

// Makes the files that a service reads its settings from, before each start of it: somebody may have changed
// or removed them since. Where that fails there is no start, and no failure is counted.

// The gate that `service` has already (may be none), with that before it where the service has such files.
[[nodiscard]] std::shared_ptr<supervisor::start_gate> with_settings(
    const supervisor::supervisor_context& context, const supervisor::service_spec& service);

// The part of the preflight that reads files. On the disk's thread only, all of it.
class preflight_files {
public:
    // What is wrong with the files and the port of the one service in `box`. `ask_python`: also whether its
    // modules are there, which takes an interpreter's time. Never throws.
    [[nodiscard]] std::vector<catalog::finding> look(doctor::examination box, bool ask_python);

    // Whether what the start of that service needs is other than at the `first` such call: what the package holds, device
    // nodes, drivers, libraries, and the files that `reason` names. By name and inode: a program may write on
    // in a file of its own. Never throws.
    [[nodiscard]] bool changed(const doctor::examination& box, std::string_view reason, bool first);

    // How often the files themselves were read, for tests.
    [[nodiscard]] unsigned readings() const noexcept { return readings_; }

private:
    std::string good_state_;  // of the files, when nothing was wrong with them; empty: something was
    std::vector<catalog::finding> good_findings_;  // the warnings of then
    std::string first_needs_;
    std::optional<package::machine> machine_;
    unsigned readings_ = 0;
};

// Wires what a profile says of its device to the services that need it.

// The gate of that service of `model`; nullptr when it needs no device, or nothing says how to look at it.
[[nodiscard]] std::shared_ptr<supervisor::start_gate> gate_for(const supervisor::supervisor_context& context,
                                                               const catalog::model_entry& model,
                                                               const supervisor::service_spec& service);

// `device` is asked when nothing else is in the way; may be null. REQUIRES: context.disk.
[[nodiscard]] std::shared_ptr<supervisor::start_gate> make_preflight_gate(
    const supervisor::supervisor_context& context, const catalog::model_entry& model,
    const supervisor::service_spec& service, std::shared_ptr<supervisor::start_gate> device);

// The gate that `service` has already, with those checks before it where the model wants them and there is a
// thread for them; nullptr when it has none and they are not wanted.
[[nodiscard]] std::shared_ptr<supervisor::start_gate> with_preflight(
    const supervisor::supervisor_context& context, const catalog::model_entry& model,
    const supervisor::service_spec& service);

}  // namespace corral::engine
