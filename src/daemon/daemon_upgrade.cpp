// The daemon's part in an upgrade: what it has from an earlier image of itself, and what it gives to the
// next.

#include <algorithm>
#include <set>
#include <utility>

#include "box_desk.hpp"
#include "corral/core/say.hpp"
#include "corral/daemon/daemon.hpp"
#include "corral/telemetry/log.hpp"
#include "state_lock.hpp"

namespace corral::daemon {

void daemon::begin_with(upgrade::launch_facts how, upgrade::inheritance inherited, std::string text) {
    good_text_ = std::move(text);
    how_started_ = std::move(how);
    inherited_ = std::move(inherited);
    if (inherited_.before) {
        card_memory_.go_on_behind(inherited_.before->cards);
    }
    if (inherited_.before && !inherited_.before->speeds.empty()) {
        speeds_ = monitor::speed_history::of_text(inherited_.before->speeds);
        speeds_known_ = true;
        speeds_changed_ = true;
    }
}

core::result<void> daemon::take_state() {
    const int inherited = inherited_.before ? std::exchange(inherited_.before->state_lock, -1) : -1;
    auto taken = lock_state(settings_.state_directory, inherited);
    if (taken) {
        state_lock_ = *std::move(taken);
        return {};
    }
    if (!inherited_.before) {
        return taken.error();
    }
    // The configuration names another folder now; loaded models and clients are worth more than its files.
    telemetry::error(taken.error().message);
    return {};
}

void daemon::prepare_upgrade() {
    upgrade::upgrade_parts parts;
    parts.on = loop_.get_executor();
    parts.clock = &clock_;
    parts.settings = &settings_;
    parts.guard = supervision_.guard;
    parts.server = server_.get();
    parts.scheduler = &fleet_.admission();
    parts.backends = &fleet_.backends();
    parts.runs = &run_tasks_;
    parts.disk = &before_start_;
    parts.door = door_;
    parts.state_lock = [this] { return state_lock_.get(); };
    parts.drained = [this] { return drained_; };
    parts.stopping = [this] { return signals_seen_ > 0; };
    parts.end_threads = [this] { black_box_.reset(); };
    parts.begin_threads = [this] { open_black_box(); };
    // Everybody waits meanwhile, and a download takes hours.
    parts.begin_drain = [this] { stop_pulls("upgraded"); };
    parts.cards = [this] { return card_memory_.text(); };
    parts.speeds = [this] { return speeds_known_ ? speeds_.text() : std::string(); };
    parts.loans = [this] { return desk_of_box()->lent().hand_over(); };
    parts.unfinished = [this]() -> std::string {
        const bool reloads = reloader_->under_way() || !fleet_.not_stopped().empty();
        // Its thread may hang on a dead mount, and the execution of the next image would wait for it, for ever.
        return reloads                      ? "a reload of the configuration"
               : before_start_.busy()       ? "a look at files"
               : desk_ && desk_->busy() > 0 ? "a pull or a removal of a client"
                                            : "";
    };
    upgrade_ = std::make_unique<upgrade::upgrade>(std::move(parts), how_started_);
}

std::string daemon::why_not_reload() const {
    return upgrade_->under_way() ? "an upgrade is under way; it reads the configuration again itself" : "";
}

core::result<void> daemon::upgrade_to(std::string program) {
    if (upgrade_->under_way()) {
        return core::make_failure(core::errc::unavailable, core::say("upgrade.refused/upgrade-under"));
    }
    if (signals_seen_ > 0) {
        return core::make_failure(core::errc::unavailable, core::say("upgrade.refused/corral-being"));
    }
    service_tasks_.spawn("upgrade", upgrade_->run(std::move(program)));
    return {};
}

// Whether several process sets may want the memory of one card, and no earlier image has known that.
bool daemon::new_cards_are_shared() const {
    std::set<unsigned> seen;
    for (const auto& runtime : fleet_.backends()) {
        const std::vector<unsigned> cards = runtime->claim().cards;
        for (const unsigned card : cards) {
            if (!seen.insert(card).second && !card_memory_.was_known(card)) {
                return true;
            }
        }
    }
    return false;
}

// One look at each, all at the same time: what room there is decides who is loaded first. A tool that is slow
// delays none for long; its answer counts when it comes.
core::awaitable<void> daemon::look_at_cards() {
    constexpr core::seconds patience{3};
    auto open = std::make_shared<std::size_t>(devices_.all().size());
    for (const auto& tool : devices_.all()) {
        service_tasks_.spawn("first look at card " + std::to_string(tool->options().card),
                             [](std::shared_ptr<device::reader> at,
                                std::shared_ptr<std::size_t> left) -> core::awaitable<void> {
                                 auto looking = at->look();
                                 co_await std::move(looking);
                                 --*left;
                             }(tool, open));
    }
    const core::deadline until = core::deadline::after(patience, clock_.now());
    constexpr core::milliseconds between_looks{20};
    bool awake = true;
    while (awake && *open > 0 && !until.passed(clock_.now())) {
        awake = co_await core::sleep_for(between_looks);
    }
}

core::awaitable<void> daemon::look_at_new_cards() {
    co_await look_at_cards();
    card_memory_.set_awaited(false);
    fleet_.admission().look();
}

// Those that a reload brings. Called before anything is loaded there.
void daemon::await_new_cards() {
    const bool unseen =
        std::ranges::any_of(devices_.all(), [](const auto& tool) { return tool->last() == nullptr; });
    if (unseen && !card_memory_.awaited()) {
        card_memory_.set_awaited(true);
        service_tasks_.spawn("look at new cards", look_at_new_cards());
    }
}

// Those that were loaded before this image began are ready already; those that had been unloaded stay so.
// What did not come along is loaded as if somebody had asked for it.
void daemon::go_on_with_models() {
    std::set<std::string> seen;
    for (const auto& runtime : fleet_.backends()) {
        const std::string& name = runtime->model().name;
        if (!seen.insert(name).second) {
            continue;
        }
        const upgrade::deployment_handover before = upgrade::handover_of(inherited_, name);
        if (before.suspended) {
            fleet_.admission().suspend(name, false);
        } else if (before.wanted) {
            fleet_.admission().load(name, before.stay);
        } else if (!before.known && runtime->model().preload) {
            fleet_.admission().preload(name);
        }
    }
}

core::awaitable<void> daemon::start_models() {
    if (!inherited_.before) {
        if (card_memory_.awaited()) {
            co_await look_at_cards();
            card_memory_.set_awaited(false);
        }
        fleet_.admission().preload();
        co_return;
    }
    go_on_with_models();
    desk_of_box()->lent().go_on_with(inherited_.before->loans);
    const auto connections = upgrade::take_connections(inherited_, door_);
    for (const http::kept_connection& client : connections) {
        server_->adopt_connection(client);
    }
    const auto waited = std::chrono::duration<double>(clock_.now() - inherited_.before->paused);
    telemetry::log().info(
        "the upgrade is done: {} of {} models stayed loaded, {} connections stayed open; "
        "new ones had waited for {:.2f} s event=upgrade.done kept={}/{}",
        fleet_.adopted().size(), fleet_.deployments().size(), connections.size(), waited.count(),
        fleet_.adopted().size(), fleet_.deployments().size());
    inherited_.before.reset();
    co_await look_at_new_cards();
}

}  // namespace corral::daemon
