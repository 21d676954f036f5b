#pragma once
// What the admin socket can be asked: one line in the table of admin_verbs.cpp for each verb.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "corral/config/configuration.hpp"
#include "corral/control/admin_socket.hpp"
#include "corral/core/time.hpp"
#include "corral/device/reader.hpp"
#include "corral/engine/backend.hpp"
#include "corral/generation/model_directory.hpp"
#include "corral/monitor/card_watch.hpp"
#include "corral/monitor/compute_watch.hpp"
#include "corral/scheduler/scheduler.hpp"
#include "corral/upgrade/upgrade.hpp"

namespace corral::daemon {

// What verbs work on; borrowed from the daemon.
struct admin_context {
    const std::vector<std::unique_ptr<engine::backend>>* backends = nullptr;
    scheduler::scheduler* admission = nullptr;
    const generation::model_directory* models = nullptr;
    const monitor::card_watch* cards = nullptr;
    const monitor::compute_watch* compute = nullptr;
    const core::clock_source* clock = nullptr;
    core::steady_time started;
    const device::reader_set* devices = nullptr;
    std::function<core::awaitable<control::admin_json>()> reload;
    std::function<std::size_t()> reloads;  // applied so far
    // Begins one, with that program or, when empty, the one that runs.
    std::function<core::result<void>(std::string program)> upgrade;
    std::function<upgrade::upgrade_report()> upgrades;
    const config::configuration* settings = nullptr;  // as they are in force
    std::string settings_file;
    std::shared_ptr<const int> followers = std::make_shared<const int>(0);  // held by each stream of lines
};

// One that goes on after its first answer.
struct admin_stream_verb {
    std::string_view name;
    control::admin_answer (*open)(const admin_context& of, const control::admin_json& asked);
};

struct admin_verb {
    std::string_view name;
    core::awaitable<control::admin_json> (*run)(const admin_context& of, control::admin_json asked);
};

// Finds the verb and runs it; an unknown one is a refusal that names those there are. `of` outlives the call.
[[nodiscard]] core::awaitable<control::admin_answer> answer_admin(const admin_context& of,
                                                                  control::admin_json asked);

}  // namespace corral::daemon
