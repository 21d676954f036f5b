#pragma once
// The gate in front of every start: what 'corral doctor' would find about this service's files, program and
// port, and then the device. A fault shuts it, in the doctor's words, and costs no process and no failure;
// the files are looked at again while it is shut, so that a mended one starts the service by itself.
//
// It is cheap where nothing has changed: what was found to be good is taken for good as long as no file of
// the package has another size, time or inode.

#include <memory>

#include "corral/catalog/profile.hpp"
#include "corral/supervisor/group.hpp"
#include "corral/supervisor/service_spec.hpp"

namespace corral::engine {

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
