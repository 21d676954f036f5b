#pragma once
// The part of the preflight that reads files. On the disk's thread only, all of it.

#include <string>
#include <string_view>
#include <vector>

#include "corral/doctor/doctor.hpp"

namespace corral::engine {

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

}  // namespace corral::engine
