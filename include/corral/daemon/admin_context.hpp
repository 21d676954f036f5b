#pragma once
// What the operator's verbs work on.

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "corral/config/configuration.hpp"
#include "corral/control/admin_json.hpp"
#include "corral/core/time.hpp"
#include "corral/device/reader.hpp"
#include "corral/fleet/fleet.hpp"
#include "corral/monitor/boot_times.hpp"
#include "corral/monitor/card_watch.hpp"
#include "corral/monitor/compute_watch.hpp"
#include "corral/upgrade/upgrade.hpp"

namespace corral::daemon {

// Borrowed from the daemon.
struct admin_context {
    fleet::fleet* running = nullptr;
    const monitor::card_watch* cards = nullptr;
    const monitor::compute_watch* compute = nullptr;
    const core::clock_source* clock = nullptr;
    core::steady_time started;
    const monitor::boot_times* boot = nullptr;
    const device::reader_set* devices = nullptr;
    std::function<core::awaitable<control::admin_json>(bool allow_empty)> reload;
    std::function<std::size_t()> reloads;  // applied so far
    std::function<void()> forget_deadly_prompts;
    // Begins one, with that program or, when empty, the one that runs.
    std::function<core::result<void>(std::string program)> upgrade;
    std::function<upgrade::upgrade_report()> upgrades;
    std::function<std::vector<std::string>()> closed;  // why no client is let in, a sentence each
    std::function<std::vector<std::string>()> kept;    // credentials that stay though their file changed
    std::function<std::string()> lost_bundle;          // why what happened last is in no bundle; empty: it is
    std::function<void(bool is)> drain;
    std::function<bool()> drained;
    const config::configuration* settings = nullptr;  // as they are in force
    std::string settings_file;
    std::function<std::string()> url;  // where clients come in
    // A link that opens the page in a browser of this machine, once.
    std::function<core::result<std::string>()> page_link;
    std::shared_ptr<const int> followers = std::make_shared<const int>(0);  // held by each stream of lines
};

}  // namespace corral::daemon
