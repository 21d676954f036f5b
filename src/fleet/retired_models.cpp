#include "corral/fleet/retired_models.hpp"

#include <algorithm>
#include <utility>

#include "corral/telemetry/log.hpp"

namespace corral::fleet {

namespace {

// Beyond the longest stop ladder of any shipped profile; it is tried again then.
constexpr core::seconds stop_limit{60};
// Between looks whether the last exchange that knew it is over, and after it.
constexpr core::milliseconds look_interval{200};

}  // namespace

void retired_models::take(std::unique_ptr<engine::backend> runtime,
                          std::vector<std::weak_ptr<const generation::served_model>> holders) {
    const std::string name = runtime->model().name;
    const auto added = all_.insert(all_.end(), one{std::move(runtime), std::move(holders), false});
    tasks_.spawn("model " + name + " goes", see_off(added));
}

void retired_models::when_stopped(std::function<void()> then) {
    waiting_.push_back(std::move(then));
    on_stopped();
}

void retired_models::on_stopped() {
    const bool all = std::ranges::all_of(all_, [](const one& each) { return each.stopped; });
    if (!all || closed_) {
        return;
    }
    const std::vector<std::function<void()>> now = std::exchange(waiting_, {});
    for (const auto& each : now) {
        each();
    }
}

std::vector<engine::backend*> retired_models::not_stopped() const {
    std::vector<engine::backend*> out;
    for (const one& each : all_) {
        if (!each.stopped) {
            out.push_back(each.runtime.get());
        }
    }
    return out;
}

// A task of the group: ended by its cancellation, and what is left then is its owner's.
core::awaitable<void> retired_models::see_off(std::list<one>::iterator which) {
    const core::deadline never;
    const bool free = co_await admission_.wait_unleased(*which->runtime, never);
    if (!free || closed_) {
        co_return;
    }
    while (!which->stopped) {
        const core::deadline until = core::deadline::after(stop_limit, clock_.now());
        const bool stopped = co_await which->runtime->stop(until);
        if (closed_) {
            co_return;
        }
        which->stopped = stopped;
        if (!stopped) {
            telemetry::error(core::say("service.stop-overdue/left", which->runtime->model().name));
            const bool awake = co_await core::sleep_for(look_interval);
            if (!awake) {
                co_return;
            }
        }
    }
    telemetry::log().info("model {}: what ran it before the reload has stopped",
                          which->runtime->model().name);
    on_stopped();
    bool known = true;
    while (known) {
        known = std::ranges::any_of(which->holders, [](const auto& holder) { return !holder.expired(); });
        // Once more after the last, for what was woken and has not run yet.
        const bool awake = co_await core::sleep_for(look_interval);
        if (!awake || closed_) {
            co_return;
        }
    }
    all_.erase(which);
}

}  // namespace corral::fleet
