// The tasks that ask before a start whether it may be, and then whether the service is ready and still the only
// one on its port.

#include <algorithm>
#include <exception>
#include <utility>

#include "corral/core/say.hpp"
#include "corral/http/client.hpp"
#include "corral/process/exit_reason.hpp"
#include "corral/process/program_check.hpp"
#include "corral/telemetry/log.hpp"
#include "supervisor/service/exit_policy.hpp"
#include "supervisor/service/service_runner.hpp"

namespace corral::supervisor {

namespace {

constexpr core::milliseconds first_interval{5};
constexpr core::milliseconds longest_interval{250};
constexpr core::milliseconds guard_interval{1000};
constexpr int most_misses_of_an_end = 4;
constexpr core::milliseconds longest_guard_interval{15'000};
// Between looks for listeners of the service at other ports.
constexpr core::milliseconds wide_look_interval{10'000};
constexpr core::milliseconds longest_wide_look_interval{60'000};
// Of one search through all processes: a process in a broken driver may block whoever asks about it.
constexpr core::seconds longest_search{5};
// Looks are spaced by what they cost: an eighth of the time at most while loading, a five-hundredth when ready.
constexpr int loading_spacing = 8;
constexpr int ready_spacing = 500;
constexpr core::known_wording<> not_begun = "service.disk-silent/not-begun";

// Quick while a start is young, then ever slower: a load takes from a second to minutes.
core::milliseconds next_interval(core::milliseconds last) {
    return std::min(last + last / 4 + core::milliseconds{1}, longest_interval);
}

// What the files of a launch tell.
struct program_view {
    std::optional<process::program_fault> wrong;
    guard_outlook guard;
};

event_kind event_of(gate_state state) {
    switch (state) {
        case gate_state::open:
            return event_kind::gate_opened;
        case gate_state::wait:
            return event_kind::gate_waits;
        case gate_state::shut:
            return event_kind::gate_shut;
    }
    return event_kind::gate_opened;
}

}  // namespace

gate_verdict service_runner::box_verdict() const {
    const std::string refusal = context_.searches->refusal_of_threads();
    return refusal.empty() ? gate_verdict{}
                           : gate_verdict{gate_state::wait, core::say("service.tasks-refused", refusal),
                                          core::say("service.tasks-refused/do")};
}

core::awaitable<void> service_runner::ask_gate(self_ptr self, std::uint64_t question) {
    const std::shared_ptr<start_gate> gate = self->spec_.gate;
    gate_verdict verdict = self->box_verdict();
    try {
        if (verdict.state == gate_state::open) {
            auto asking = gate->ask();
            verdict = co_await std::move(asking);
        }
        // Of what fails for want of processes the gate only sees that it failed.
        if (gate_verdict box = self->box_verdict(); box.state != gate_state::open) {
            verdict = std::move(box);
        }
    } catch (const boost::system::system_error& error) {
        if (error.code() == boost::asio::error::operation_aborted) {
            co_return;  // all tasks end; nothing may be started any more
        }
        telemetry::error(core::say("runtime.without-gate", self->label_, error.what()));
        verdict = {};
    } catch (const std::exception& error) {
        telemetry::error(core::say("runtime.without-gate", self->label_, error.what()));
        verdict = {};
    }
    const auto cancelled = co_await boost::asio::this_coro::cancellation_state;
    const bool all_end = cancelled.cancelled() != boost::asio::cancellation_type::none;
    if (all_end || self->abandoned_ || question != self->gate_questions_) {
        co_return;
    }
    self->feed({event_of(verdict.state), std::move(verdict.reason), std::move(verdict.advice)});
}

template <typename Found>
core::awaitable<std::optional<Found>> service_runner::search(self_ptr self, std::function<Found()> work) {
    const core::deadline until = core::deadline::after(longest_search, self->now());
    auto searching = self->context_.searches->run(self->label_, std::move(work), until);
    core::result<Found> found = co_await std::move(searching);
    if (!found) {
        telemetry::log().debug("{}: no look at the other processes: {}", self->label_, found.error().message);
        co_return std::nullopt;
    }
    co_return std::move(*found);
}

core::awaitable<std::optional<service_runner::wide_view>> service_runner::search(self_ptr self, run_ptr run) {
    std::function<wide_view()> work = [port = self->port_.endpoint().port(), leader = run->pid] {
        return wide_view{port_watch::search_all(port, leader), process::listeners_beyond_loopback(leader)};
    };
    return search(std::move(self), std::move(work));
}

core::awaitable<bool> service_runner::is_awaited(self_ptr self, std::uint64_t launch) {
    const auto cancelled = co_await boost::asio::this_coro::cancellation_state;
    const bool all_end = cancelled.cancelled() != boost::asio::cancellation_type::none;
    co_return !all_end && !self->abandoned_ && launch == self->launches_ && self->machine_.launching();
}

core::awaitable<void> service_runner::prepare_launch(self_ptr self, std::uint64_t launch) {
    process::spawn_spec command = self->spec_.command;
    std::function<program_view()> work = [rules = self->spec_.rules, command] {
        return program_view{process::check_program(command), look_at_guard(rules, command)};
    };
    core::disk_work& disk = self->context_.disk != nullptr ? *self->context_.disk : *self->context_.searches;
    auto looking =
        disk.run(self->label_, std::move(work), core::deadline::after(longest_search, self->now()));
    core::result<program_view> seen = co_await std::move(looking);
    bool awaited = co_await is_awaited(self, launch);
    if (!awaited) {
        co_return;
    }
    if (!seen) {
        const bool refused = seen.error().code == core::make_error_code(core::errc::unavailable);
        self->launch_failed(refused ? seen.error().message : core::say("service.disk-silent", seen.error()),
                            refused);
        co_return;
    }
    port_watch::fault fault = std::move(seen->wrong);
    if (!fault) {
        fault = self->port_.prepare(command, std::move(seen->guard), self->context_.on, self->now());
    }
    if (fault && fault->id == port_watch::port_taken) {
        std::function<listener_judgement()> find = [port = self->port_.endpoint().port()] {
            return port_watch::search_taker(port);
        };
        auto searching = search(self, std::move(find));
        const std::optional<listener_judgement> found = co_await std::move(searching);
        awaited = co_await is_awaited(self, launch);
        if (!awaited) {
            if (launch == self->launches_) {
                self->port_.leave();
            }
            co_return;
        }
        fault = self->port_.taken_by(found.value_or(
            listener_judgement{listener_finding::unknown, core::reason::unlisted("another program")}));
    }
    self->launch(std::move(command), std::move(fault));
}

core::awaitable<bool> service_runner::lost_its_port(self_ptr self, run_ptr run) {
    const std::uint16_t port = self->port_.contested_port();
    if (run->was_ready || self->run_ != run || port == 0) {
        co_return false;
    }
    std::function<listener_judgement()> work = [port, leader = run->pid] {
        return port_watch::search_all(port, leader);
    };
    auto searching = search(self, std::move(work));
    const std::optional<listener_judgement> found = co_await std::move(searching);
    if (!found || !found->sibling || self->run_ != run) {
        co_return false;
    }
    self->port_.lost_its_port();
    co_return true;
}

core::awaitable<listener_judgement> service_runner::look(self_ptr self, run_ptr run) {
    if (const auto seen = self->port_.glance(run->pid)) {
        co_return *seen;
    }
    auto searching = search(self, run);
    std::optional<wide_view> seen = co_await std::move(searching);
    if (!seen) {
        co_return listener_judgement{listener_finding::unknown,
                                     core::reason::unlisted("a program that could not be looked up")};
    }
    co_return self->port_.settled(std::move(seen->found));
}

core::awaitable<bool> service_runner::look_widely(self_ptr self, run_ptr run) {
    auto searching = search(self, run);
    std::optional<wide_view> seen = co_await std::move(searching);
    if (!self->is_current(*run)) {
        co_return false;
    }
    if (!seen) {
        seen = wide_view{{}, process::listeners_beyond_loopback(run->pid)};  // its own processes are few
    }
    const listener_judgement found = self->port_.settled(std::move(seen->found));
    auto wrong = port_watch::is_wrong(found) ? self->port_.fault_of(found, self->now())
                                             : self->port_.judge_open(seen->open, self->now());
    if (wrong) {
        self->report_fault(std::move(*wrong));
    }
    co_return !wrong;
}

core::awaitable<bool> service_runner::verify_endpoint(self_ptr self) {
    const run_ptr run = self->run_;
    if (run == nullptr || !self->is_current(*run)) {
        co_return false;
    }
    auto looking = look(self, run);
    const listener_judgement found = co_await std::move(looking);
    if (!self->is_current(*run)) {
        co_return false;
    }
    if (port_watch::is_wrong(found)) {
        self->report_fault(self->port_.fault_of(found, self->now()));
    }
    co_return found.what == listener_finding::ours;
}

core::awaitable<void> service_runner::watch_socket(self_ptr self, run_ptr run) {
    const run_task mark(run, &process_run::hooks);
    self->problem_ = core::say(not_begun);
    auto executing = run->child.executed();
    co_await std::move(executing);
    if (self->problem_ == core::say(not_begun)) {
        self->problem_ = {};
    }
    core::milliseconds interval = first_interval;
    int unknown = 0;
    while (self->in_stage(*run, load_stage::socket)) {
        const core::steady_time began = self->now();
        auto looking = look(self, run);
        const listener_judgement found = co_await std::move(looking);
        if (!self->in_stage(*run, load_stage::socket)) {
            co_return;
        }
        const core::nanoseconds cost = self->now() - began;
        unknown = found.what == listener_finding::unknown ? unknown + 1 : 0;
        if (found.what == listener_finding::ours) {
            auto looking_widely = look_widely(self, run);
            const bool right = co_await std::move(looking_widely);
            if (right && self->in_stage(*run, load_stage::socket)) {
                self->feed({event_kind::socket_owned, {}, {}});
            }
            co_return;
        }
        if (found.what == listener_finding::none) {
            port_watch::search missing = self->port_.listener_missing(run->pid, self->now());
            if (missing.wrong) {
                self->report_fault(std::move(*missing.wrong));
                co_return;
            }
            if (missing.moved) {
                continue;
            }
        }
        if (port_watch::is_wrong(found) || unknown > 1) {
            self->report_fault(self->port_.fault_of(found, self->now()));
            co_return;
        }
        const core::nanoseconds pause = std::max<core::nanoseconds>(interval, cost * loading_spacing);
        const auto until = core::deadline::after(pause, self->now());
        const core::wake_reason woken = co_await run->changed.wait(until);
        if (woken == core::wake_reason::cancelled) {
            co_return;
        }
        interval = next_interval(interval);
    }
}

core::awaitable<void> service_runner::probe(self_ptr self, run_ptr run) {
    const run_task mark(run, &process_run::hooks);
    const catalog::probe_template& asked = self->spec_.rules.probe;
    core::milliseconds interval = first_interval;
    while (self->in_stage(*run, load_stage::probe)) {
        http::client_call call;
        call.to = self->spec_.probe_at.value_or(self->port_.endpoint());
        call.method = asked.method;
        call.target = asked.target;
        call.until = core::deadline::after(asked.timeout, self->now());
        auto calling = http::call(std::move(call));
        const core::result<http::client_reply> reply = co_await std::move(calling);
        if (!self->in_stage(*run, load_stage::probe)) {
            co_return;
        }
        if (reply && (asked.status == 0 || reply->status == asked.status)) {
            auto looking = verify_endpoint(self);
            const bool own = co_await std::move(looking);
            if (!self->in_stage(*run, load_stage::probe)) {
                co_return;
            }
            if (own) {
                self->feed({event_kind::probe_answered, {}, {}});
                co_return;
            }
            self->problem_ = core::say("service.not-listening/held");
        } else if (reply) {
            self->problem_ =
                core::say("service.not-listening/status", asked.method + " " + asked.target, reply->status);
        } else {
            self->problem_ = core::say("service.not-listening/failed", asked.method + " " + asked.target,
                                       reply.error().message);
        }
        const auto until = core::deadline::after(interval, self->now());
        const core::wake_reason woken = co_await run->changed.wait(until);
        if (woken == core::wake_reason::cancelled) {
            co_return;
        }
        interval = next_interval(interval);
    }
}

core::awaitable<void> service_runner::guard_port(self_ptr self, run_ptr run) {
    const run_task mark(run, &process_run::hooks);
    int missing = 0;
    core::steady_time next_wide_look;  // the first one at once: the first answer may have opened something
    while (self->serves(*run)) {
        const core::steady_time began = self->now();
        auto looking = look(self, run);
        const listener_judgement found = co_await std::move(looking);
        if (!self->serves(*run)) {
            co_return;
        }
        const core::nanoseconds cost = self->now() - began;
        missing = found.what == listener_finding::ours ? 0 : missing + 1;
        if (port_watch::is_wrong(found) || (found.what == listener_finding::unknown && missing > 1)) {
            self->report_fault(self->port_.fault_of(found, self->now()));
            co_return;
        }
        // The exit of one that is about to end tells more.
        const bool ending = missing > 1 && process::is_ending(run->pid);
        if (missing > (ending ? most_misses_of_an_end : 1)) {
            run->ending_seen = ending;
            self->feed({event_kind::kill, core::say("service.not-listening"), {}});
            co_return;
        }
        if (self->now() >= next_wide_look) {
            const core::steady_time wide_began = self->now();
            auto looking_widely = look_widely(self, run);
            const bool right = co_await std::move(looking_widely);
            if (!right) {
                co_return;
            }
            next_wide_look =
                self->now() + std::clamp<core::nanoseconds>((self->now() - wide_began) * ready_spacing,
                                                            wide_look_interval, longest_wide_look_interval);
        }
        self->publish();
        // A doubt is looked into at once.
        const core::nanoseconds pause =
            missing > 0
                ? core::nanoseconds{guard_interval}
                : std::clamp<core::nanoseconds>(cost * ready_spacing, guard_interval, longest_guard_interval);
        const auto until = core::deadline::after(pause, self->now());
        core::wake_reason woken = core::wake_reason::rung;
        // The bell also rings for other tasks, and a doubt needs its time.
        while (woken == core::wake_reason::rung && !run->ended && !run->dropped) {
            woken = co_await run->changed.wait(until);
        }
        if (woken == core::wake_reason::cancelled) {
            co_return;
        }
    }
}

}  // namespace corral::supervisor
