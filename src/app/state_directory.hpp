#pragma once
// Where a server keeps what must outlive it.

#include <filesystem>
#include <map>
#include <string>

namespace corral::app {

// systemd's STATE_DIRECTORY, else corral in XDG_STATE_HOME, else .local/state/corral in HOME; empty where the
// environment says none of them. Makes nothing.
[[nodiscard]] std::filesystem::path usual_state_directory(
    const std::map<std::string, std::string>& environment);

}  // namespace corral::app
