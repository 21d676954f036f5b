#pragma once
// Gathers the parts of a support file from the machine, the files of Corral and the daemon that runs.

#include <map>
#include <string>
#include <vector>

#include "cli/base/daemon_place.hpp"
#include "cli/trouble/support_file.hpp"

namespace corral::cli {

struct support_request {
    daemon_place place;
    bool content = false;  // with what may hold prompts and answers
    std::map<std::string, std::string> environment;
};

// Blocks: on the disk, on the admin socket (10 s at most for each of three questions), on the status tools. What can't be
// had is a part that says why. Call it before any thread exists, as gather_examination().
[[nodiscard]] std::vector<support_part> gather_support(const support_request& request);

}  // namespace corral::cli
