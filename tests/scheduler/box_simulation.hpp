#pragma once
// A box on which loads, answers and unloads take their time, by a clock that is moved by hand: the scheduler
// itself over scripted backends.

#include "corral/scheduler/scheduler.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "scheduler/scheduler_fixture.hpp"

namespace corral::test {

struct simulated_request {
    std::string model;
    std::string client;
    std::shared_ptr<asker> who;
    core::steady_time came;
    std::optional<core::steady_time> granted;
    bool over = false;
    std::size_t passed_by_others = 0;  // grants on other models while it waited
    std::size_t passed_by_own = 0;     // and on its own
};

struct simulated_times {
    core::nanoseconds load = core::seconds{5};
    core::nanoseconds answer = core::seconds{1};
    core::nanoseconds unload = core::seconds{1};
};

class box_simulation {
public:
    explicit box_simulation(scheduler::scheduler_options options, simulated_times times = {})
        : times_(times) {
        options.usable_mb = [this](unsigned card) -> std::optional<std::uint64_t> {
            const auto found = rooms.find(card);
            return found == rooms.end() ? std::nullopt : std::optional(found->second);
        };
        admission = std::make_unique<scheduler::scheduler>(io.get_executor(), clock, options);
    }
    ~box_simulation() {
        for (auto& each : requests) {
            each.who->held.reset();
        }
        admission.reset();
        for (auto& each : machines_) {
            each->backend.open_gates();
        }
        settle(io);
    }
    box_simulation(const box_simulation&) = delete;
    box_simulation& operator=(const box_simulation&) = delete;

    fake_backend& add(const std::string& model, std::vector<unsigned> cards, std::uint64_t need,
                      const std::function<void(catalog::model_entry&)>& with = {}) {
        machines_.push_back(std::make_unique<machine>(io, model));
        fake_backend& made = machines_.back()->backend;
        made.takes = {std::move(cards), need, true};
        made.starts_slowly = true;
        made.gate_before_stopped = true;
        made.set(engine::availability_state::stopped);
        if (with) {
            with(made.entry);
        }
        admission->add(made);
        look();
        return made;
    }
    std::size_t ask(const std::string& model, const std::string& client = "a") {
        auto to = std::make_shared<asker>();
        requests.push_back({model, client, to, clock.now(), {}, false, 0, 0});
        scheduler::admission_request who;
        who.client = client;
        who.model = model;
        asio::co_spawn(
            io, test::ask(admission.get(), std::move(who), to),
            asio::bind_cancellation_slot(to->cancel.slot(), [to](std::exception_ptr) { to->over = true; }));
        look();
        return requests.size();
    }
    // `number` counts from 1.
    void cancel(std::size_t number) {
        requests[number - 1].who->cancel.emit(asio::cancellation_type::terminal);
        look();
    }
    void at(core::nanoseconds after_begin, std::function<void()> what) {
        events_.emplace(begin_ + std::chrono::duration_cast<core::steady_time::duration>(after_begin),
                        std::move(what));
    }
    // Until nothing is left to happen, at most for `longest`. True: all requests are over.
    bool run(core::nanoseconds longest = core::seconds{100'000}) {
        const core::steady_time end = clock.now() + longest;
        look();
        while (clock.now() < end && step(end)) {
        }
        return std::all_of(requests.begin(), requests.end(), [](const auto& one) { return one.over; });
    }
    // To the next event, or half a second on while somebody waits, but not beyond `end`. False: nothing is
    // left.
    bool step(core::steady_time end) {
        const bool waits = std::any_of(requests.begin(), requests.end(),
                                       [](const auto& one) { return !one.over && !one.granted; });
        if (events_.empty() && !waits) {
            return false;
        }
        core::steady_time next = clock.now() + core::milliseconds{500};
        if (!events_.empty() && (!waits || events_.begin()->first < next)) {
            next = events_.begin()->first;
        }
        clock.advance(std::min(next, end) - clock.now());
        while (!events_.empty() && events_.begin()->first <= clock.now()) {
            const auto what = std::move(events_.begin()->second);
            events_.erase(events_.begin());
            what();
            look();
        }
        look();
        return true;
    }
    // What is loaded or on its way, by card.
    std::map<unsigned, std::uint64_t> used() const {
        std::map<unsigned, std::uint64_t> out;
        for (const auto& each : machines_) {
            if (each->backend.available().state == engine::availability_state::stopped) {
                continue;
            }
            for (const unsigned card : each->backend.takes.cards) {
                out[card] += each->backend.takes.memory_mb / each->backend.takes.cards.size();
            }
        }
        return out;
    }
    double seconds() const { return std::chrono::duration<double>(clock.now() - begin_).count(); }

    asio::io_context io;
    core::manual_clock clock;
    std::map<unsigned, std::uint64_t> rooms;
    std::unique_ptr<scheduler::scheduler> admission;
    std::vector<simulated_request> requests;
    // "La@0 1@5 Ua@6": loads and unloads of models, and the numbers of granted requests, with their seconds.
    std::string trace;
    std::vector<std::string> wrong;  // what must never happen
    std::function<void(std::size_t number)> on_end;

private:
    struct machine {
        machine(asio::io_context& on, const std::string& model) : backend(on, model) {}
        fake_backend backend;
        int starts = 0;
        int stops = 0;
    };
    void note(const std::string& what) {
        trace += fmt::format("{}{}@{:g}", trace.empty() ? "" : " ", what, seconds());
    }
    // What has come about since.
    void look() {
        settle(io);
        if (!machines_.empty()) {
            machines_.front()->backend.availability_changed().ring();
            settle(io);
        }
        for (auto& each : machines_) {
            look_at(*each);
        }
        for (std::size_t i = 0; i < requests.size(); ++i) {
            if (!requests[i].granted && !requests[i].over) {
                look_at(i);
            }
        }
        for (const auto& [card, used] : used()) {
            const auto room = rooms.find(card);
            if (room != rooms.end() && used > room->second) {
                wrong.push_back(fmt::format("{} MB on card {} at {} s", used, card, seconds()));
            }
        }
    }
    void look_at(machine& each) {
        if (each.starts != each.backend.starts) {
            each.starts = each.backend.starts;
            note("L" + each.backend.entry.name);
            after(times_.load, [&each, start = each.starts, stop = each.stops] {
                if (each.starts == start && each.stops == stop) {
                    each.backend.set(engine::availability_state::ready);
                }
            });
        }
        if (each.stops != each.backend.stops) {
            each.stops = each.backend.stops;
            note("U" + each.backend.entry.name);
            after(times_.unload, [&each] { each.backend.open_gates(); });
            for (const auto& one : requests) {
                if (one.who->held && &**one.who->held == &each.backend) {
                    wrong.push_back("unloaded while somebody has a lease: " + each.backend.entry.name);
                }
            }
            if (each.backend.entry.pinned) {
                wrong.push_back("pinned and unloaded: " + each.backend.entry.name);
            }
        }
    }
    void look_at(std::size_t i) {
        simulated_request& one = requests[i];
        if (!one.who->held) {
            one.over = one.who->over || one.who->refused;
            return;
        }
        one.granted = clock.now();
        note(std::to_string(i + 1));
        if ((*one.who->held)->model().name != one.model) {
            wrong.push_back("the wrong model");
        }
        for (simulated_request& other : requests) {
            if (!other.granted && !other.over) {
                ++(other.model == one.model ? other.passed_by_own : other.passed_by_others);
            }
        }
        after(times_.answer, [this, i] {
            requests[i].who->held.reset();
            requests[i].over = true;
            look();
            if (on_end) {
                on_end(i + 1);
            }
        });
    }
    void after(core::nanoseconds span, std::function<void()> what) {
        at(clock.now() - begin_ + span, std::move(what));
    }

    simulated_times times_;
    core::steady_time begin_ = clock.now();
    std::multimap<core::steady_time, std::function<void()>> events_;
    std::vector<std::unique_ptr<machine>> machines_;
};

}  // namespace corral::test
