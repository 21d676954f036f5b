#pragma once
// The service machine inside a small honest world: processes only die when they live, answers come only to
// questions, but late answers, orders of the owner and the clock come in any order.

#include <csignal>
#include <cstdint>

#include <algorithm>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "supervisor/machine/service_fsm.hpp"
#include "supervisor/machine/trouble_policy.hpp"

namespace corral::supervisor {

using core::milliseconds;
using core::seconds;

struct happening {
    event_kind what;
    milliseconds after;
    restart_reason why = restart_reason::hang;  // of kill
};

inline service_plan plan_of_world(bool tested, bool gated) {
    service_plan p;
    p.rules.start_stall = milliseconds{3000};
    p.rules.start_limit = milliseconds{9000};
    p.rules.stop_loading = {{SIGKILL, catalog::signal_target::group, milliseconds{1000}}};
    p.rules.stop_ready = {{SIGINT, catalog::signal_target::leader, milliseconds{1000}},
                          {SIGTERM, catalog::signal_target::group, milliseconds{0}}};
    p.has_self_test = tested;
    p.has_quiesce = tested;
    p.has_gate = gated;
    p.gate_limit = milliseconds{1500};
    p.gate_interval = milliseconds{200};
    p.quiesce_limit = milliseconds{500};
    p.look_again = milliseconds{700};
    p.breaker_retry = milliseconds{5000};
    return p;
}

class service_world {
public:
    service_world(bool tested, bool gated) : plan_(plan_of_world(tested, gated)) {}

    // Whether it can happen now at all.
    [[nodiscard]] bool possible(event_kind what) const {
        switch (what) {
            case event_kind::gate_opened:
            case event_kind::gate_waits:
            case event_kind::gate_shut:
                return asked_ && !m_.launching();
            case event_kind::spawned:
            case event_kind::refused:
            case event_kind::launch_failed:
                return m_.launching();
            case event_kind::exited:
                return leader_;
            case event_kind::gone:
                return group_ && !leader_;
            case event_kind::adopted:  // only ever the first thing that happens to a service
                return m_.state() == service_state::stopped && !m_.held && !group_;
            default:
                return true;
        }
    }

    // What is wrong after it; empty when nothing is.
    std::string happen(const happening& h) {
        now_ += h.after;
        note(h.what);
        const service_machine before = m_;
        service_event event{h.what, core::reason::unlisted("r"), "a"};
        event.why = h.why;
        transition moved = step(m_, event, plan_, {now_, 0.5});
        m_ = std::move(moved.next);
        if (std::string wrong = told_wrongly(before, event); !wrong.empty()) {
            return wrong;
        }
        if (moved.action) {
            std::string wrong = obey(*moved.action);
            if (!wrong.empty()) {
                return wrong;
            }
        }
        return broken_rule(before);
    }

    [[nodiscard]] std::optional<milliseconds> until_wake() const {
        if (!m_.wake()) {
            return std::nullopt;
        }
        return std::max(std::chrono::duration_cast<milliseconds>(*m_.wake() - now_), milliseconds{0});
    }
    [[nodiscard]] const service_machine& machine() const { return m_; }

    // All that decides what may come next. An event after which it is the same led nowhere; only `start` may change
    // what is in none of it, the past that it forgets.
    [[nodiscard]] std::string seen() const {
        std::string out = m_.reason.text() + m_.advice;
        const auto add = [&out](auto value) { out += '|' + std::to_string(value); };
        for (const std::size_t flag :
             {m_.now.index(), m_.alive() + 0UL, m_.launching() + 0UL, m_.breaker_is_open() + 0UL,
              m_.is_being_ended() + 0UL, m_.wanted + 0UL, m_.held.has_value() + 0UL, m_.ended_badly + 0UL,
              asked_ + 0UL, open_ + 0UL, leader_ + 0UL, group_ + 0UL}) {
            add(flag);
        }
        add(m_.wake() ? m_.wake()->time_since_epoch().count() : 0);
        add(m_.gate_asked() != nullptr ? m_.gate_asked()->until.time_since_epoch().count() : 0);
        add(m_.load() != nullptr ? static_cast<int>(m_.load()->stage) : -1);
        add(m_.policy.ceiling().count());
        add(proven_);
        if (const auto* const ready = std::get_if<phase::ready>(&m_.now)) {
            add(ready->silent_probes);
        } else if (const auto* const stopping = std::get_if<phase::stopping>(&m_.now)) {
            add(static_cast<int>(stopping->after));
            add(stopping->at.index());
        }
        return out;
    }

private:
    std::string obey(const service_action& action) {
        if (action.what == action_kind::ask_gate) {
            if (group_ || !m_.wanted || m_.held || !plan_.has_gate) {
                return "the gate was asked for nothing";
            }
            asked_ = true;
            open_ = false;
        } else if (action.what == action_kind::launch) {
            if (plan_.has_gate && !open_) {
                return "launched before the gate was open";
            }
            open_ = false;
            if (group_) {
                return "a second process was launched beside the first";
            }
            if (!m_.wanted || m_.held) {
                return "launched although not wanted or held";
            }
            proven_ = 0;
        } else if (!group_) {
            return "an action on no process";
        }
        return {};
    }

    void note(event_kind what) {
        adopted_ = false;
        switch (what) {
            case event_kind::gate_opened:
                asked_ = false;
                open_ = true;
                break;
            case event_kind::gate_waits:
            case event_kind::gate_shut:
                asked_ = false;
                break;
            case event_kind::spawned:
                leader_ = group_ = true;
                proven_ = 1;
                break;
            case event_kind::exited:
                leader_ = false;
                break;
            case event_kind::gone:
                group_ = false;
                break;
            case event_kind::adopted:
                leader_ = group_ = true;
                proven_ = 4;  // by those who hand it over
                adopted_ = true;
                break;
            case event_kind::socket_owned:
                proven_ = proven_ == 1 ? 2 : proven_;
                break;
            case event_kind::probe_answered:
                proven_ = proven_ == 2 ? 3 : proven_;
                break;
            case event_kind::self_test_passed:
                proven_ = proven_ == 3 ? 4 : proven_;
                break;
            default:
                break;
        }
    }

    // What follows a loss is what the table says of its reason, and nothing else.
    std::string told_wrongly(const service_machine& before, const service_event& event) {
        if (const auto why = reason_of(machine_before(before), event, m_)) {
            lost_by_ = *why;
        }
        if (event.what != event_kind::gone || before.state() != service_state::stopping || !before.wanted) {
            return {};
        }
        const bool stopped = std::get<phase::stopping>(before.now).after == after_stop::rest;
        const bool remembered = m_.policy.ceiling() > milliseconds{0} || m_.state() == service_state::broken;
        if (!stopped && !remembered && meaning_of(lost_by_).fails()) {
            return std::string("no failure was made of: ") + to_string(lost_by_);
        }
        const bool counted =
            m_.policy.ceiling() != before.policy.ceiling() || m_.breaker_is_open() ||
            (m_.wake() && m_.state() == service_state::waiting && m_.gate_asked() == nullptr);
        if (!stopped && counted && !meaning_of(lost_by_).fails()) {
            return std::string("a failure was made of: ") + to_string(lost_by_);
        }
        return {};
    }

    [[nodiscard]] std::string broken_rule(const service_machine& before) const {
        const bool runs = m_.state() == service_state::starting || m_.state() == service_state::ready;
        if (m_.alive() != group_) {
            return "it is wrong about whether a process lives";
        }
        if (m_.state() == service_state::ready && (proven_ < (plan_.has_self_test ? 4 : 3) || !leader_)) {
            return "ready without every proof, or dead";
        }
        if ((m_.state() == service_state::stopped || m_.state() == service_state::ready) && m_.wake()) {
            return "a timer left armed";
        }
        if (m_.state() == service_state::starting && group_ && !m_.wake()) {
            return "a start without a deadline";
        }
        if (m_.gate_asked() != nullptr && !m_.wake()) {
            return "the gate is waited for without a deadline";
        }
        if (m_.gate_asked() != nullptr && (group_ || m_.held || !m_.wanted)) {
            return "waits for the gate although it may not start";
        }
        if (m_.state() == service_state::stopping && leader_ && !m_.wake()) {
            return "a stop without a deadline";
        }
        if (m_.state() == service_state::waiting && m_.wake().has_value() == m_.held.has_value()) {
            return "waiting must have a timer exactly when it is not held";
        }
        if (m_.state() == service_state::broken && !m_.wake()) {
            return "broken for ever";
        }
        if ((m_.state() == service_state::stopped || m_.state() == service_state::waiting ||
             m_.state() == service_state::broken) &&
            group_) {
            return "at rest beside a living process";
        }
        if (m_.state() == service_state::stopped && m_.wanted) {
            return "stopped although wanted";
        }
        if (m_.held && runs && group_) {
            return "runs although held";
        }
        if (m_.state() == service_state::ready && before.state() != service_state::ready &&
            before.state() != service_state::starting && !adopted_) {
            return "ready, but not from starting";
        }
        return {};
    }

    service_plan plan_;
    service_machine m_{[] {
        catalog::restart_rule r;
        r.first_backoff = milliseconds{100};
        r.max_backoff = milliseconds{1000};
        r.intensity = 3;
        r.intensity_window = milliseconds{4000};
        r.healthy_after = milliseconds{2000};
        return r;
    }()};
    core::steady_time now_{seconds{1000}};
    bool asked_ = false;  // the gate owes an answer
    bool open_ = false;   // the last answer was yes, and nothing was launched since
    bool leader_ = false;
    bool group_ = false;
    bool adopted_ = false;  // just now
    int proven_ = 0;
    restart_reason lost_by_ = restart_reason::asked;
};

// Orders to stop, then lets the clock run and the process obey SIGKILL: it must come to rest.
inline std::string comes_to_rest(service_world w, bool obeys_first_signal) {
    std::string wrong;
    const auto let = [&w, &wrong](event_kind what, milliseconds after) {
        if (wrong.empty() && w.possible(what)) {
            wrong = w.happen({what, after});
        }
    };
    let(event_kind::spawned, milliseconds{0});
    let(event_kind::stop, milliseconds{0});
    for (int i = 0; i < 8 && wrong.empty() && w.machine().state() != service_state::stopped; ++i) {
        if (obeys_first_signal || i > 4) {
            let(event_kind::exited, milliseconds{1});
            let(event_kind::gone, milliseconds{1});
        }
        if (const auto wake = w.until_wake()) {
            let(event_kind::timer, *wake);
        }
    }
    if (wrong.empty() && (w.machine().state() != service_state::stopped || w.machine().wake())) {
        wrong = std::string("does not come to rest, but stays ") + to_string(w.machine().state());
    }
    return wrong;
}

inline std::string comes_to_rest(const service_world& w) {
    const std::string wrong = comes_to_rest(w, true);
    return wrong.empty() ? comes_to_rest(w, false) : wrong;
}

}  // namespace corral::supervisor
