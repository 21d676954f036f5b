#pragma once
// How this program was started, so that another image of it can be.

#include <map>
#include <string>
#include <vector>

namespace corral::upgrade {

struct launch_facts {
    std::string program;               // absolute
    std::vector<std::string> options;  // of `serve`: --config FILE, and --listen where it was given
};

// Where the program is, as it was called (`argv0`, by PATH where it has no '/'), so that a symbolic link that
// is turned to another version is followed at the next upgrade; what /proc says where that is not this
// program.
[[nodiscard]] std::string find_own_program(const std::string& argv0);

// Our environment, without what only this image is meant to read.
[[nodiscard]] std::map<std::string, std::string> environment_for_next_image();

}  // namespace corral::upgrade
