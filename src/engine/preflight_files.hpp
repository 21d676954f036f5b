#pragma once
// The part of the preflight that reads files. On the disk's thread only, all of it.

#include <string>
#include <vector>

#include "corral/doctor/doctor.hpp"

namespace corral::engine {

class preflight_files {
public:
    // What is wrong with the files and the port of the one service in `of`. `ask_python`: also whether its
    // modules are there, which takes an interpreter's time. Never throws.
    [[nodiscard]] std::vector<catalog::finding> look(doctor::examination of, bool ask_python);

    // How often the files themselves were read, for tests.
    [[nodiscard]] unsigned readings() const noexcept { return readings_; }

private:
    std::string good_state_;  // of the files, when nothing was wrong with them; empty: something was
    std::vector<catalog::finding> good_findings_;  // the warnings of then
    std::optional<package::machine> machine_;
    unsigned readings_ = 0;
};

}  // namespace corral::engine
