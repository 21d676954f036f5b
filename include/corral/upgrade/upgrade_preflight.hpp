#pragma once
// Before an upgrade: the new program is run beside the old one and asked whether it can take over. It must
// load the configuration and know our format; nothing else happens.

#include <map>
#include <optional>
#include <string>

#include "corral/config/configuration.hpp"
#include "corral/config/door_policy.hpp"
#include "corral/core/async.hpp"
#include "corral/core/disk_work.hpp"
#include "corral/core/result.hpp"
#include "corral/core/time.hpp"
#include "corral/process/warden.hpp"
#include "corral/upgrade/launch_facts.hpp"

namespace corral::upgrade {

struct preflight_report {
    std::string version;                              // of the program that answered
    std::map<std::string, std::string> fingerprints;  // of each set of processes, by label
    bool blank = false;                               // its configuration file says nothing at all
    std::optional<config::door_rules> door;           // absent: an older program, which does not report it
};

// "corral preflight": what the new program prints, and its exit status.
int print_preflight(const config::configuration& settings, int version_asked);

// Reads that; errc::invalid on anything else.
[[nodiscard]] core::result<preflight_report> parse_preflight(const std::string& text);

// Asks `program`. Fails with a sentence: what can't be run, what it printed on standard error, or that it
// took too long (then it is killed).
[[nodiscard]] core::awaitable<core::result<preflight_report>> ask_next_image(
    core::executor on, launch_facts how, std::string program, process::warden& guard, core::disk_work& disk);

}  // namespace corral::upgrade
