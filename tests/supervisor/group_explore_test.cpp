// Every order of events of a whole group: the machines of its services under the orders of group_policy.

#include <csignal>
#include <cstddef>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "explorer.hpp"
#include "supervisor/group/group_core.hpp"

namespace corral::supervisor {
namespace {

using core::milliseconds;

// Nothing in the past of a service decides but what seen() has: no breaker, no health, equal pauses.
service_machine fresh_machine() {
    catalog::restart_rule rule;
    rule.first_backoff = rule.max_backoff = milliseconds{100};
    rule.intensity = 1'000'000;
    rule.healthy_after = std::chrono::hours{1000};
    return service_machine(rule);
}

service_plan plan_of_member() {
    service_plan p;
    p.rules.start_stall = p.rules.start_limit = milliseconds{9000};
    p.rules.start_stall_bounds = p.rules.start_limit_bounds = {milliseconds{9000}, milliseconds{9000}};
    p.rules.stop_loading = {{SIGKILL, catalog::signal_target::group, milliseconds{1000}}};
    p.rules.stop_ready = {{SIGINT, catalog::signal_target::leader, milliseconds{1000}}};
    return p;
}

class explored_group {
public:
    // Of the group: start, stop, late (its stop took too long). Of one service: all else.
    enum class event { start, stop, late, advance, refuse, fail, die, kill, cancel, wait };
    struct step {
        event what = event::start;
        std::size_t service = 0;
    };
    static constexpr bool merges = true;

    explicit explored_group(const std::vector<bool>& survive) {
        for (const bool each : survive) {
            members_.push_back({fresh_machine(), each});
        }
    }

    [[nodiscard]] std::vector<step> possible() const {
        std::vector<step> all{{event::start}, {event::stop}};
        if (!wanted_) {
            all.push_back({event::late});
        }
        for (std::size_t i = 0; i < members_.size(); ++i) {
            const service_machine& of = members_[i].machine;
            if (of.launching() || of.load() != nullptr || dying(i)) {
                all.push_back({event::advance, i});
            }
            if (of.launching()) {
                all.push_back({event::refuse, i});
                all.push_back({event::fail, i});
            }
            if (members_[i].leader) {
                all.push_back({event::die, i});
                all.push_back({event::kill, i});
                all.push_back({event::cancel, i});
            }
            if (of.wake()) {
                all.push_back({event::wait, i});
            }
        }
        return all;
    }
    std::string happen(const step& what) {
        const std::string wrong = perform(what);
        return wrong.empty() ? out_of_order() : wrong;
    }
    // However it stands, a start makes it ready and a stop ends it, while everything obeys.
    [[nodiscard]] std::string comes_to_rest() const {
        explored_group back = *this;
        std::string wrong = back.happen({event::start});
        for (int i = 0; i < 200 && wrong.empty() && !back.ready(); ++i) {
            wrong = back.obey();
        }
        if (wrong.empty() && !back.ready()) {
            return "it does not become ready: " + back.seen();
        }
        for (explored_group each : {*this, back}) {
            wrong = wrong.empty() ? each.happen({event::stop}) : wrong;
            for (int i = 0; i < 200 && wrong.empty() && !each.stopped(); ++i) {
                wrong = each.obey();
            }
            if (wrong.empty() && !each.stopped()) {
                return "it does not stop: " + each.seen();
            }
        }
        return wrong;
    }
    [[nodiscard]] std::string seen() const {
        std::string out = wanted_ ? "w" : "-";
        for (const member& each : members_) {
            const service_machine& of = each.machine;
            out += '|';
            for (const std::size_t value :
                 {of.now.index(), of.wanted + 0UL, of.held.has_value() + 0UL, of.launching() + 0UL,
                  of.alive() + 0UL, of.is_being_ended() + 0UL, of.ended_badly + 0UL, each.leader + 0UL,
                  each.survives + 0UL, static_cast<std::size_t>(of.policy.ceiling().count())}) {
                out += std::to_string(value) + ',';
            }
            out += of.load() != nullptr ? std::to_string(static_cast<int>(of.load()->stage)) : "-";
            out += of.wake() ? std::to_string((*of.wake() - now_).count()) : "-";
            if (const auto* const stopping = std::get_if<phase::stopping>(&of.now)) {
                out += ',' + std::to_string(static_cast<int>(stopping->after)) + ',' +
                       std::to_string(stopping->at.index()) + ',' +
                       std::to_string(static_cast<int>(stopping->sort));
                const auto* const sent = std::get_if<phase::signalled>(&stopping->at);
                out += sent != nullptr ? ',' + std::to_string(sent->rung) + ',' +
                                             std::to_string(sent->ladder.size()) + (sent->stuck ? "s" : "")
                                       : "";
            }
        }
        return out;
    }
    static std::string told(const step& what) {
        constexpr const char* names[] = {"start", "stop", "late", "advance", "refuse",
                                         "fail",  "die",  "kill", "cancel",  "wait"};
        return std::string(names[static_cast<int>(what.what)]) + ' ' + std::to_string(what.service);
    }

private:
    struct member {
        service_machine machine;
        bool survives = false;  // dependents_survive
        bool leader = false;    // lives
    };

    [[nodiscard]] bool dying(std::size_t i) const {
        return members_[i].machine.alive() && !members_[i].leader;
    }
    [[nodiscard]] event_kind next_of(std::size_t i) {
        const service_machine& of = members_[i].machine;
        if (of.launching()) {
            members_[i].leader = true;
            return event_kind::spawned;
        }
        if (dying(i)) {
            return event_kind::gone;
        }
        return of.load()->stage == load_stage::socket ? event_kind::socket_owned : event_kind::probe_answered;
    }
    [[nodiscard]] bool is_ready(std::size_t i) const {
        return members_[i].machine.state() == service_state::ready;
    }
    [[nodiscard]] bool ready() const {
        return std::all_of(members_.begin(), members_.end(),
                           [](const member& each) { return each.machine.state() == service_state::ready; });
    }
    [[nodiscard]] bool stopped() const {
        return std::all_of(members_.begin(), members_.end(), [](const member& each) {
            return each.machine.state() == service_state::stopped && !each.machine.wake();
        });
    }

    std::string perform(const step& what) {
        service_event kill{event_kind::kill, core::reason::unlisted("k"), {}};
        switch (what.what) {
            case event::start:
                return start();
            case event::stop:
                wanted_ = false;
                return settle();
            case event::late:
                return stop_late();
            case event::advance:
                return feed(what.service, {next_of(what.service), {}, {}});
            case event::refuse:
                return feed(what.service, {event_kind::refused, core::reason::unlisted("r"), "a"});
            case event::fail:
                return feed(what.service, {event_kind::launch_failed, core::reason::unlisted("r"), {}});
            case event::die:
                members_[what.service].leader = false;
                return feed(what.service, {event_kind::exited, core::reason::unlisted("r"), {}});
            case event::kill:
                return feed(what.service, kill);
            case event::cancel:
                kill.why = restart_reason::cancel;
                return feed(what.service, kill);
            case event::wait:
                now_ = std::max(now_, *members_[what.service].machine.wake());
                return feed(what.service, {event_kind::timer, {}, {}});
        }
        return {};
    }
    // As group_core does.
    std::string start() {
        wanted_ = true;
        std::string wrong = settle();
        for (std::size_t i = 0; i < members_.size() && wrong.empty(); ++i) {
            wrong = feed(i, {event_kind::start, {}, {}});
        }
        return wrong;
    }
    std::string stop_late() {
        std::string wrong;
        for (std::size_t i = members_.size(); i-- > 0 && wrong.empty();) {
            late_ = true;
            wrong = feed(i, {event_kind::stop, {}, {}});
            wrong = wrong.empty() ? feed(i, {event_kind::kill, core::reason::unlisted("late"), {}}) : wrong;
            late_ = false;
        }
        return wrong;
    }
    std::string feed(std::size_t i, const service_event& event) {
        std::string wrong = give(i, event);
        return wrong.empty() ? settle() : wrong;
    }
    // One event, and what is wrong with what the machine wants done at it.
    std::string give(std::size_t i, const service_event& event) {
        member& of = members_[i];
        transition moved = step_of(of, event);
        of.machine = std::move(moved.next);
        if (!moved.action) {
            return {};
        }
        if (moved.action->what == action_kind::launch) {
            if (!wanted_) {
                return "started although the group is not wanted";
            }
            for (std::size_t before = 0; before < i; ++before) {
                if (!is_ready(before)) {
                    return "started before one that it needs is ready";
                }
            }
        }
        const bool asked = moved.action->what == action_kind::signal && event.what == event_kind::stop;
        for (std::size_t later = i + 1; asked && !late_ && later < members_.size(); ++later) {
            if (members_[later].machine.alive()) {
                return "stopped before one that needs it is gone";
            }
        }
        return {};
    }
    [[nodiscard]] transition step_of(const member& of, const service_event& event) const {
        return supervisor::step(of.machine, event, plan_of_member(), {now_, 0.5});
    }
    std::string settle() {
        for (int round = 0; round < 50; ++round) {
            std::vector<service_view> views;
            for (const member& each : members_) {
                views.push_back({"s", each.machine.state(), each.machine.wanted,
                                 each.machine.held.has_value(), each.survives, each.machine.alive()});
            }
            std::vector<group_order> orders = next_orders(views, wanted_);
            if (orders.empty()) {
                return {};
            }
            for (group_order& each : orders) {
                if (std::string wrong = give(each.service, each.event); !wrong.empty()) {
                    return wrong;
                }
            }
        }
        return "the orders have no end";
    }
    // What has to hold whenever all orders are given.
    [[nodiscard]] std::string out_of_order() const {
        bool all_before = true;  // are ready, or let it live on
        bool all_ready = true;
        for (const member& each : members_) {
            const service_machine& of = each.machine;
            const bool runs = of.state() == service_state::starting || of.state() == service_state::ready;
            if (wanted_ && runs && !all_before) {
                return "it runs though one that it needs does not";
            }
            if (wanted_ && all_ready && of.held) {
                return "it is held back by nobody";
            }
            if (wanted_ && !all_ready && !runs && !of.held) {
                return "it may start though one before it is not ready";
            }
            if (wanted_ && !of.wanted) {
                return "one is not wanted, and the group is";
            }
            if (!wanted_ && of.wanted) {
                return "one is wanted, and the group is not";
            }
            const bool ready = of.state() == service_state::ready;
            all_before = all_before && (ready || each.survives);
            all_ready = all_ready && ready;
        }
        return {};
    }
    // Processes end where they are to, starts go well, and the clock runs.
    std::string obey() {
        for (std::size_t i = 0; i < members_.size(); ++i) {
            const service_machine& of = members_[i].machine;
            if (of.state() == service_state::stopping && members_[i].leader) {
                return happen({event::die, i});
            }
            if (of.launching() || dying(i) || (of.load() != nullptr && wanted_)) {
                return happen({event::advance, i});
            }
        }
        std::optional<std::size_t> next;
        for (std::size_t i = 0; i < members_.size(); ++i) {
            const auto at = members_[i].machine.wake();
            if (at && (!next || *at < *members_[*next].machine.wake())) {
                next = i;
            }
        }
        return next ? happen({event::wait, *next}) : std::string("nothing will ever happen: ") + seen();
    }

    std::vector<member> members_;
    core::steady_time now_{core::seconds{1000}};
    bool wanted_ = false;
    bool late_ = false;  // while a stop that took too long is ended
};

TEST(group_explore, every_order_of_events_keeps_the_order_of_the_services) {
    using event = explored_group::event;
    std::vector<explored_group::step> to_ready{{event::start}};
    for (std::size_t i = 0; i < 3; ++i) {
        to_ready.insert(to_ready.end(), 3, {event::advance, i});
    }
    test::explorer<explored_group> all(2);
    for (const bool first : {false, true}) {
        for (const bool second : {false, true}) {
            all.explore_along(explored_group({first, second, false}), to_ready);
        }
    }
    all.expect_all_well("group");
}

}  // namespace
}  // namespace corral::supervisor
