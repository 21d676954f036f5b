#include "corral/fleet/retired_models.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "corral/telemetry/log.hpp"

namespace corral::fleet {

namespace {

// Beyond the longest stop ladder of any shipped profile; it is tried again then.
constexpr core::seconds stop_limit{60};
// Between looks whether the last exchange that knew it is over, and after it.
constexpr core::milliseconds look_interval{200};
// After these it hangs in a driver, for ever perhaps; a start beside it that fails says why.
constexpr unsigned most_tries = 3;

}  // namespace

seat seat_of(const engine::backend& runtime) {
    const catalog::model_entry& model = runtime.model();
    return {model.name, !model.runtime.services.empty(), runtime.claim()};
}

bool excludes(const seat& one, const seat& other) {
    if (one.deployment == other.deployment) {
        return true;
    }
    if (!one.has_processes || !other.has_processes) {
        return false;
    }
    const std::vector<unsigned>& cards = one.claim.cards;
    const std::vector<unsigned>& others = other.claim.cards;
    const bool same_port = one.claim.port != 0 && one.claim.port == other.claim.port;
    return same_port || cards.empty() || others.empty() ||
           std::ranges::find_first_of(cards, others) != cards.end();
}

void retired_models::take(std::unique_ptr<engine::backend> runtime,
                          std::vector<std::weak_ptr<const generation::served_model>> holders) {
    const std::string name = runtime->model().name;
    const bool loaded = runtime->available().state != engine::availability_state::stopped;
    const auto added = all_.insert(all_.end(), one{std::move(runtime), std::move(holders), loaded, false, 0});
    tasks_.spawn("model " + name + " goes", see_off(added));
}

void retired_models::when_stopped(const std::vector<const engine::backend*>& successors,
                                  std::function<void()> then) {
    successor waits{successors.front()->model().name, {}, std::move(then)};
    for (const engine::backend* const each : successors) {
        waits.seats.push_back(seat_of(*each));
    }
    waiting_.push_back(std::move(waits));
}

bool retired_models::is_kept_waiting(const successor& waits) const {
    return std::ranges::any_of(all_, [&](const one& each) {
        if (each.stopped || each.vain_tries >= most_tries) {
            return false;
        }
        const seat taken = seat_of(*each.runtime);
        return std::ranges::any_of(waits.seats, [&](const seat& wanted) { return excludes(taken, wanted); });
    });
}

void retired_models::admit_successors() {
    if (closed_) {
        return;
    }
    // Of reloads in a row: the scheduler admits a deployment as a whole.
    std::set<std::string> kept;
    for (const successor& each : waiting_) {
        if (is_kept_waiting(each)) {
            kept.insert(each.deployment);
        }
    }
    const auto goes = std::stable_partition(waiting_.begin(), waiting_.end(), [&](const successor& each) {
        return kept.contains(each.deployment);
    });
    const std::vector<successor> now(std::make_move_iterator(goes), std::make_move_iterator(waiting_.end()));
    waiting_.erase(goes, waiting_.end());
    for (const successor& each : now) {
        each.then();
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

void retired_models::cut(const std::string& model) {
    for (auto each = all_.begin(); each != all_.end(); ++each) {
        if (each->runtime->model().name == model && !each->stopped && !each->is_cut && !closed_) {
            each->is_cut = true;
            tasks_.spawn("model " + model + " is cut", cut_short(each));
        }
    }
}

std::vector<scheduler::leaving_runtime> retired_models::leaving() const {
    std::vector<scheduler::leaving_runtime> out;
    for (const one& each : all_) {
        if (each.loaded && !each.stopped && each.vain_tries < most_tries) {
            const catalog::model_entry& model = each.runtime->model();
            out.push_back({model.name, model.tier, each.runtime->claim()});
        }
    }
    return out;
}

// see_off() is told by the end of the lease.
core::awaitable<void> retired_models::cut_short(std::list<one>::iterator which) {
    const core::deadline until = core::deadline::after(stop_limit, clock_.now());
    co_await which->runtime->stop(until);
    which->is_cut = false;
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
            if (++which->vain_tries == most_tries) {
                telemetry::warn(core::say("service.stop-overdue/beside", which->runtime->model().name));
                admission_.look();
                admit_successors();
            }
            const bool awake = co_await core::sleep_for(look_interval);
            if (!awake) {
                co_return;
            }
        }
    }
    telemetry::log().info("model {}: what ran it before the reload has stopped",
                          which->runtime->model().name);
    admission_.look();
    admit_successors();
    bool known = true;
    while (known) {
        known = which->is_cut ||
                std::ranges::any_of(which->holders, [](const auto& holder) { return !holder.expired(); });
        // Once more after the last, for what was woken and has not run yet.
        const bool awake = co_await core::sleep_for(look_interval);
        if (!awake || closed_) {
            co_return;
        }
    }
    all_.erase(which);
}

}  // namespace corral::fleet
