#pragma once
// The readers of the parts of a profile; profile_reader puts them together.

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "corral/catalog/profile.hpp"
#include "corral/catalog/toml_section.hpp"

namespace corral::catalog {

// The bounds of a clock that learns, as keys beside the clock's own: `<key>_floor` and `<key>_ceiling`. Both of one file must lie on their sides of each other; a start that
// comes from somewhere else moves them.
void read_bounds(section& table, std::string_view key, core::milliseconds start, clock_bounds& into);

// [services.liveness] and `canary`.
void read_liveness(section& table, liveness_rule& into);
void read_canary(section& table, canary_mode& into);
// Method, target, status and timeout, of a table already found; the caller finishes it.
void read_probe_keys(section& table, probe_template& into);

// [traits] of a profile.
void read_traits(section table, runtime_traits& into);

// [variables.NAME] and [[files]] of a profile: what a model fills in, and what the files behind it must be. The
// names of `into`'s services must be known.
void read_variables(section& table, profile& into);
void read_runtime_files(section& table, profile& into);

// What a service of a profile gives names to, which the placeholders of all services may then use: its
// further ports and the files that are made for it:
// 'more_ports' and [[services.rendered]]. `taken`: names of services, and of what those before this one have.
void read_service_names(section& table, service_template& service, std::set<std::string>& taken);

// Where a service answers, as written: http://<IP literal or localhost>:<port or {port}>, and no path,
// because the vendor's runtime dies of a URL with a final slash (docs/facts/vendor_ax.md#start-observed).
struct service_url {
    core::reason problem;    // empty when the URL is good
    std::uint16_t port = 0;  // 0: {port}, or another placeholder
};

[[nodiscard]] service_url parse_service_url(std::string_view text);

}  // namespace corral::catalog
