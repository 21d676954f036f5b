#include "year/box.hpp"

#include <algorithm>
#include <utility>

#include "supervisor/group/group_core.hpp"

namespace corral::year {

using core::milliseconds;
using core::seconds;
using std::chrono::minutes;
using supervisor::event_kind;
using supervisor::service_event;
using supervisor::service_state;

namespace {

constexpr int signs_of_a_load = 8;
// How service_runner asks a ready service for life after a silence, and looks for what a failed start lacked.
constexpr seconds doubt{1};
constexpr seconds look{2};
// The limit of a start leaves room for one that is cold, and four times as much (load_clocks).
constexpr int loads_in_the_limit = 20;

double hours_of(core::nanoseconds span) {
    return core::as_seconds(span) / 3600;
}

}  // namespace

box::service::service(const catalog::service_template& rules, const box_plan& of)
    : machine(of.restart), runtime(rules.name != "tokenizer"), load(rules.start_limit / loads_in_the_limit) {
    plan.rules = rules;
    plan.has_self_test = runtime;
    plan.has_gate = true;
    plan.breaker_retry = of.restart.breaker_retry;
}

box::box(const box_plan& plan, timeline& time, figures& out)
    : plan_(plan),
      time_(time),
      out_(out),
      dice_(plan.seed, 1),
      own_dice_(plan.seed, 2),
      accounted_(time.now()) {}

void box::boot() {
    account();
    powered_ = true;
    cold_ = true;
    ++boots_;
    services_.clear();
    for (const catalog::service_template& rules : plan_.profile->services) {
        services_.emplace_back(rules, plan_);
    }
    if (dice_.chance(plan_.fails.late_drivers)) {
        suffer(cause::driver, dice_.between(seconds{20}, minutes{10}));
    }
    for (std::size_t at = 0; at < services_.size(); ++at) {
        feed(at, {event_kind::start, {}, {}});
    }
}

void box::cut_power(core::nanoseconds span) {
    if (!powered_) {
        return;
    }
    account();
    powered_ = false;
    ++boots_;
    on_change();
    time_.after(span + seconds{40}, [this] { boot(); });
}

bool box::ready() const {
    return powered_ && std::ranges::all_of(services_, [](const service& each) {
               return each.machine.state() == service_state::ready;
           });
}

bool box::broken() const {
    return powered_ && std::ranges::any_of(services_, [](const service& each) {
               return each.machine.state() == service_state::broken;
           });
}

void box::suffer(cause what, core::nanoseconds span) {
    const bool of_the_card = what == cause::card || what == cause::driver;
    if (of_the_card && !plan_.profile->services.back().device) {
        return;  // it computes without one
    }
    account();
    core::steady_time& until = until_.at(static_cast<std::size_t>(what));
    until = std::max(until, time_.now() + span);
    // For the figures, and for what the runner would see: a file or a device node that is there again.
    time_.at(until, [this, what] {
        account();
        const bool seen = what == cause::package || what == cause::driver;
        if (!seen || !powered_) {
            return;
        }
        time_.after(times(look, dice_.unit()), [this] {
            for (std::size_t at = 0; powered_ && at < services_.size(); ++at) {
                feed(at, {event_kind::repaired, {}, {}});
            }
        });
    });
    if (what == cause::card) {
        ++outside_faults_;
        played_process& process = services_.back().process;
        if (powered_ && process.lives) {
            process.stuck = dice_.chance(0.2);
            time_.at(until, [this, number = process.number] {
                played_process& late = services_.back().process;
                if (powered_ && late.stuck && late.number == number) {
                    late.stuck = false;
                    ends(services_.size() - 1, seconds{1});
                }
            });
            process.stuck || dice_.chance(0.5) ? runtime_hangs() : runtime_dies();
        }
    }
    if (what == cause::memory && dice_.chance(0.3)) {
        runtime_dies();
    }
}

void box::runtime_dies() {
    if (powered_ && services_.back().process.lives) {
        ends(services_.size() - 1, milliseconds{0});
    }
}

void box::tokenizer_dies() {
    if (powered_ && services_.size() > 1 && services_.front().process.lives) {
        ends(0, milliseconds{0});
    }
}

void box::runtime_hangs() {
    service& runtime = services_.back();
    if (!powered_ || !runtime.process.lives) {
        return;
    }
    runtime.process.hung = true;
    if (runtime.machine.state() == service_state::ready) {
        const core::nanoseconds interval = runtime.plan.rules.liveness.interval;
        ask_for_life(services_.size() - 1, times(interval, dice_.unit()));
    }
}

void box::ask_for_life(std::size_t at, core::nanoseconds in) {
    const core::nanoseconds answered = in + services_[at].plan.rules.liveness.probe.timeout;
    time_.after(answered, [this, at, boot = boots_, number = services_[at].process.number] {
        const bool same = boot == boots_ && powered_ && services_[at].process.number == number;
        if (!same || services_[at].machine.state() != service_state::ready) {
            return;
        }
        if (!busy()) {
            feed(at, {event_kind::probe_failed, core::reason::unlisted("no answer"), {}});
        }
        ask_for_life(at, doubt);
    });
}

void box::restart_runtime(supervisor::restart_reason why, bool at_work) {
    service_event kill{event_kind::kill, core::reason::unlisted("restarted"), {}};
    kill.why = why;
    kill.at_work = at_work;
    feed(services_.size() - 1, std::move(kill));
}

// One event after the other, as the runners do it.
void box::feed(std::size_t at, service_event event) {
    queue_.emplace_back(at, std::move(event));
    if (feeding_) {
        return;
    }
    feeding_ = true;
    account();
    for (std::size_t next = 0; next < queue_.size(); ++next) {
        const auto [service, what] = queue_[next];
        take(service, what);
        give_orders();
    }
    queue_.clear();
    feeding_ = false;
    on_change();
}

void box::take(std::size_t at, const service_event& event) {
    service& of = services_[at];
    const bool loaded = of.machine.load() != nullptr;
    const bool was_open = of.machine.breaker_is_open();
    auto [next, action] = step(std::move(of.machine), event, of.plan, {time_.now(), own_dice_.unit(), {}});
    of.machine = std::move(next);
    if (of.runtime) {
        out_.failed_starts +=
            loaded && of.machine.load() == nullptr && of.machine.state() != service_state::ready ? 1 : 0;
        out_.openings += !was_open && of.machine.breaker_is_open() ? 1 : 0;
    }
    if (action) {
        perform(of, at, *action);
    }
    arm(at);
}

void box::give_orders() {
    std::vector<supervisor::service_view> views;
    for (const service& each : services_) {
        views.push_back({each.plan.rules.name, each.machine.state(), each.machine.wanted,
                         each.machine.held.has_value(), !each.runtime, each.machine.alive()});
    }
    for (supervisor::group_order& order : supervisor::next_orders(views, true)) {
        queue_.emplace_back(order.service, std::move(order.event));
    }
}

void box::arm(std::size_t at) {
    service& of = services_[at];
    const auto wake = of.machine.wake();
    if (wake == of.armed) {
        return;
    }
    of.armed = wake;
    if (wake) {
        time_.at(*wake, [this, at, boot = boots_, due = *wake] {
            if (boot == boots_ && services_[at].armed == due) {
                services_[at].armed.reset();
                feed(at, {event_kind::timer, {}, {}});
            }
        });
    }
}

void box::perform(service& of, std::size_t at, const supervisor::service_action& action) {
    switch (action.what) {
        case supervisor::action_kind::ask_gate:
            time_.after(milliseconds{600}, [this, at, boot = boots_] {
                if (boot == boots_) {
                    answer_gate(at);
                }
            });
            return;
        case supervisor::action_kind::launch:
            time_.after(milliseconds{20}, [this, at, boot = boots_] {
                if (boot == boots_) {
                    spawn(at);
                }
            });
            return;
        case supervisor::action_kind::signal:
            if (!of.process.stuck) {
                ends(at, milliseconds{30});
            }
            return;
        default:
            return;
    }
}

void box::answer_gate(std::size_t at) {
    const bool device = services_[at].plan.rules.device && !plan_.profile->device.command.empty();
    if (device && (lasts(cause::card) || lasts(cause::driver))) {
        return feed(at, {event_kind::gate_shut, core::reason::unlisted("no card"), {}});
    }
    if (device && time_.now() < memory_back_) {
        return feed(at, {event_kind::gate_waits, core::reason::unlisted("the card's memory"), {}});
    }
    feed(at, {event_kind::gate_opened, {}, {}});
}

void box::spawn(std::size_t at) {
    service& of = services_[at];
    if (!of.machine.launching()) {
        return;
    }
    ++of.starts;
    out_.starts += of.runtime ? 1 : 0;
    of.process = {of.process.number + 1, true, false, false};
    feed(at, {event_kind::spawned, {}, {}});
    begin_load(at);
}

// The share of its load after which it ends.
std::optional<double> box::fails_at(const service& of) {
    if (!of.runtime) {
        return std::nullopt;
    }
    if (lasts(cause::card) || lasts(cause::driver) || time_.now() < memory_back_) {
        return 0.05;
    }
    if (lasts(cause::package)) {
        return dice_.chance(0.5) ? 0.05 : 0.6;
    }
    if (lasts(cause::memory)) {
        return 0.3 + 0.6 * dice_.unit();
    }
    if (lasts(cause::unseen)) {
        return 0.5;
    }
    return dice_.chance(plan_.fails.bad_loads) ? std::optional(dice_.unit()) : std::nullopt;
}

void box::begin_load(std::size_t at) {
    service& of = services_[at];
    const double colder = cold_ && of.runtime ? 2 + 3 * dice_.unit() : 1;
    const core::nanoseconds load = times(of.load, colder * (0.9 + 0.3 * dice_.unit()));
    const auto fails = fails_at(of);
    const bool hangs = of.runtime && dice_.chance(plan_.fails.bad_loads);
    const double whole = hangs ? dice_.unit() : fails.value_or(1);
    cold_ = cold_ && whole < 1;
    for (int sign = 1; sign < signs_of_a_load && sign < whole * signs_of_a_load; ++sign) {
        later(at, load / signs_of_a_load * sign, event_kind::progress);
    }
    if (hangs) {
        return;
    }
    if (fails) {
        time_.after(times(load, *fails), [this, at, boot = boots_, number = of.process.number] {
            if (boot == boots_ && services_[at].process.number == number && services_[at].process.lives) {
                ends(at, milliseconds{0});
            }
        });
        return;
    }
    later(at, times(load, 0.95), event_kind::socket_owned);
    later(at, load, event_kind::probe_answered);
    later(at, load + seconds{1}, event_kind::self_test_passed);
}

// Unless the process is another by then, or hangs.
void box::later(std::size_t at, core::nanoseconds in, event_kind what) {
    time_.after(in, [this, at, what, boot = boots_, number = services_[at].process.number] {
        if (boot == boots_ && services_[at].process.number == number && services_[at].process.lives &&
            !services_[at].process.hung) {
            feed(at, {what, {}, {}});
        }
    });
}

void box::ends(std::size_t at, core::nanoseconds in) {
    time_.after(in, [this, at, boot = boots_, number = services_[at].process.number] {
        if (boot != boots_ || services_[at].process.number != number || !services_[at].process.lives) {
            return;
        }
        services_[at].process.lives = false;
        if (services_[at].runtime && dice_.chance(0.3)) {
            memory_back_ = time_.now() + dice_.about(seconds{2});  // AXERA-TECH/ax-llm#60
        }
        service_event exited{event_kind::exited, core::reason::unlisted("it ended"), {}};
        exited.at_work = services_[at].runtime && busy();
        feed(at, std::move(exited));
        time_.after(milliseconds{70}, [this, at, boot, number] {
            if (boot == boots_ && services_[at].process.number == number) {
                feed(at, {event_kind::gone, core::reason::unlisted("it ended"), {}});
            }
        });
    });
}

void box::account() {
    const core::nanoseconds span = time_.now() - accounted_;
    accounted_ = time_.now();
    if (!powered_) {
        outage_ = outage_beyond_ = {};
        return;
    }
    // Judged by the last moment of the span: each change of a cause or a machine ends one.
    const bool possible =
        std::ranges::none_of(until_, [this](core::steady_time until) { return time_.now() <= until; });
    out_.hours += hours_of(span);
    if (ready()) {
        out_.ready += hours_of(span);
        outage_ = outage_beyond_ = {};
        return;
    }
    out_.caused += possible ? 0 : hours_of(span);
    outage_ += span;
    outage_beyond_ += possible ? span : core::nanoseconds{0};
    out_.longest = std::max(out_.longest, hours_of(outage_) * 60);
    out_.longest_beyond = std::max(out_.longest_beyond, hours_of(outage_beyond_) * 60);
    const service_state state = services_.back().machine.state();
    const bool rests = state == service_state::waiting || state == service_state::broken;
    out_.rested += possible && rests ? hours_of(span) : 0;
}

}  // namespace corral::year
