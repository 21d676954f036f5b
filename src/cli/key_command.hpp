#pragma once
// corral key new | list | remove.

#include <optional>
#include <string>

namespace corral::cli {

struct key_command {
    enum class action { make, list, remove };
    action what = action::list;
    std::string name;                 // for make and remove
    std::optional<std::string> file;  // of keys; else the one that `config` names
    std::string config = "/etc/corral/corral.toml";
    bool json = false;
};

// Does it and tells the person; the exit status of the program. A new key goes to standard output, alone, and
// is kept nowhere; everything else that is said about it goes to standard error.
[[nodiscard]] int run_key_command(const key_command& asked);

}  // namespace corral::cli
