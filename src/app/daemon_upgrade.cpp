// The daemon's part in an upgrade: what it has from an earlier image of itself, and what it gives to the
// next.

#include <utility>

#include "corral/telemetry/log.hpp"
#include "daemon.hpp"

namespace corral::app {

void daemon::begin_with(launch_facts how, inheritance from) {
    how_started_ = std::move(how);
    inherited_ = std::move(from);
}

void daemon::prepare_upgrade(bool activated) {
    upgrade_parts parts;
    parts.on = loop_.get_executor();
    parts.clock = &clock_;
    parts.settings = &settings_;
    parts.guard = supervision_.guard;
    parts.server = server_.get();
    parts.scheduler = scheduler_.get();
    parts.backends = &backends_;
    parts.runs = &run_tasks_;
    parts.activated = activated;
    parts.stopping = [this] { return signals_seen_ > 0; };
    parts.end_threads = [this] { black_box_.reset(); };
    parts.begin_threads = [this] { open_black_box(); };
    parts.unfinished = [this]() -> std::string {
        const bool reloads = reloader_->under_way() || !reloader_->retired().not_stopped().empty();
        return reloads ? "a reload of the configuration" : "";
    };
    upgrade_ = std::make_unique<upgrade>(std::move(parts), how_started_);
}

std::string daemon::why_not_reload() const {
    return upgrade_->under_way() ? "an upgrade is under way; it reads the configuration again itself" : "";
}

core::result<void> daemon::upgrade_to(std::string program) {
    if (upgrade_->under_way()) {
        return core::make_failure(core::errc::unavailable, "an upgrade is under way already");
    }
    if (signals_seen_ > 0) {
        return core::make_failure(core::errc::unavailable, "corral is being stopped");
    }
    service_tasks_.spawn("upgrade", upgrade_->run(std::move(program)));
    return {};
}

// Those that were loaded before this image began are ready already; those that had been unloaded stay so.
void daemon::start_models() {
    for (const auto& runtime : backends_) {
        const std::string& name = runtime->model().name;
        const model_handover* const before = entry_of(inherited_, name);
        if (before != nullptr && before->suspended) {
            scheduler_->suspend(name, false);
            continue;
        }
        if (before == nullptr || before->wanted) {
            runtime->start();
        }
        if (before != nullptr && adopted_.contains(name)) {
            scheduler_->load(name, before->stay);
        }
    }
    if (!inherited_.before) {
        return;
    }
    for (const int client : inherited_.before->connections) {
        server_->adopt_connection(client);
    }
    const auto waited = std::chrono::duration<double>(clock_.now() - inherited_.before->paused);
    telemetry::log().info(
        "the upgrade is done: {} of {} models stayed loaded, {} connections stayed open; "
        "new ones had waited for {:.2f} s",
        adopted_.size(), backends_.size(), inherited_.before->connections.size(), waited.count());
    inherited_.before.reset();
}

}  // namespace corral::app
