#pragma once
// How this program was started, so that another image of it can be.

#include <map>
#include <string>
#include <vector>

namespace corral::upgrade {

struct launch_facts {
    std::string program;               // absolute; of all commands
    std::vector<std::string> options;  // of `serve`: --config FILE, and --listen where it was given
};

// Our environment, without what only this image is meant to read.
[[nodiscard]] std::map<std::string, std::string> environment_for_next_image();

}  // namespace corral::upgrade
