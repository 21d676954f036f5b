#pragma once
// Reads vendor/<name>/profile.toml (layout: docs/profiles.md).

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/catalog/diagnostic.hpp"
#include "corral/catalog/profile.hpp"
#include "corral/catalog/toml_section.hpp"

namespace corral::catalog {

struct profile_reading {
    std::optional<profile> value;    // set exactly when `errors` is empty
    std::vector<diagnostic> errors;  // in the order of the file
};

[[nodiscard]] profile_reading read_profile(const std::filesystem::path& file);
// `name` stands for the file in diagnostics.
[[nodiscard]] profile_reading parse_profile(std::string_view text, const std::string& name);

// The parts that a configuration may override for one model: each reads only what is present into what is
// already there.
void read_clocks(section table, engine_clocks& into);
void read_restart(section table, restart_rule& into);
void read_model_limits(section table, model_limits& into);
// Whether the format exists is for the caller to check.
void read_device(section table, device_template& into);
// A service's own keys. `known` are the placeholders that exist; `overriding` also allows `arguments`, which
// are appended to the command, takes a relative working directory as relative to `base`, and forbids what
// only a profile says.
struct service_reading {
    std::vector<std::string> known;
    bool overriding = false;
    std::filesystem::path base;
    std::vector<std::string> before{};  // names of the services before it, in a profile
};
void read_service(section table, service_template& service, const service_reading& reading);

}  // namespace corral::catalog
