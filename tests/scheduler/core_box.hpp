#pragma once
// scheduler_core beside a plain model of the backends that its runner would drive.

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "scheduler/scheduler_core.hpp"

namespace corral::test {

class core_box {
public:
    struct machine {
        std::string model;
        unsigned tier = 0;
        unsigned capacity = 1;
        scheduler::instance_reading now;
        bool stopping = false;
        std::size_t leases = 0;
    };
    struct request {
        std::string model;
        std::string client;
        bool told = false;
        bool gone = false;                 // withdrawn
        std::uint64_t on = 0;              // the instance it runs on
        std::size_t passed_by_others = 0;  // grants on other models while it waited
        std::size_t passed_by_own = 0;
        bool again = false;  // it was admitted before
    };

    explicit core_box(scheduler::scheduler_options options)
        : core(with_cards(std::move(options))), max_queue(core.options().max_queue) {}

    scheduler::instance_reading reading(std::uint64_t id, std::vector<unsigned> cards, std::uint64_t need) {
        return {scheduler::instance_id{id},
                engine::availability_state::stopped,
                {},
                {std::move(cards), need, true}};
    }
    void add(const std::string& model, std::uint64_t id, std::vector<unsigned> cards, std::uint64_t need,
             unsigned tier = 0, unsigned capacity = 1, unsigned most = 1, bool instead = false) {
        if (instead) {
            forget(model);
        }
        machines[id] = {model, tier, capacity, reading(id, std::move(cards), need), false, 0};
        scheduler::event::added what;
        what.model = model;
        what.settings.failback_after = core::seconds{5};
        what.instead = instead;
        what.instances.emplace_back(
            scheduler::instance_facts{scheduler::instance_id{id}, tier, capacity, most, true, model},
            machines[id].now);
        happen(what);
    }
    // The effects, as words, in their order: "load 1; grant 7 on 1". What follows from a load is part of it.
    std::string happen(const scheduler::scheduler_event& what) {
        std::string out;
        bool again = handle(what, out);
        for (int round = 0; again; ++round) {
            if (round > 50) {
                wrong.push_back("it never comes to rest");
                break;
            }
            again = handle(scheduler::event::looked{}, out);
        }
        return out;
    }
    std::string ask(std::uint64_t ticket, const std::string& model, const std::string& client = "a",
                    bool again = false) {
        requests[ticket] = {model, client, false, false, 0, 0, 0, again};
        return happen(scheduler::event::arrived{
            {scheduler::ticket_id{ticket}, client, model, again}, core::deadline{}, std::nullopt});
    }
    std::string cancel(std::uint64_t ticket) {
        requests.at(ticket).gone = true;
        return happen(scheduler::event::withdrawn{scheduler::ticket_id{ticket}});
    }
    std::string release(std::uint64_t ticket) {
        request& who = requests.at(ticket);
        if (const auto at = machines.find(std::exchange(who.on, 0)); at != machines.end()) {
            --at->second.leases;
        }
        return happen(scheduler::event::released{scheduler::ticket_id{ticket}});
    }
    std::string become(std::uint64_t id, engine::availability_state state) {
        machines.at(id).now.state = state;
        return happen(scheduler::event::looked{});
    }
    std::string end_stop(std::uint64_t id) {
        machine& of = machines.at(id);
        of.stopping = false;
        of.now.state = engine::availability_state::stopped;
        return happen(scheduler::event::stopped{of.now.id, true});
    }
    std::string remove(const std::string& model) {
        forget(model);
        return happen(scheduler::event::removed{model});
    }
    std::string pass(core::nanoseconds span) {
        now += std::chrono::duration_cast<core::steady_time::duration>(span);
        return happen(scheduler::event::looked{});
    }

    std::vector<std::uint64_t> running() const {
        std::vector<std::uint64_t> out;
        for (const auto& [id, each] : requests) {
            if (each.on != 0) {
                out.push_back(id);
            }
        }
        return out;
    }
    std::vector<std::uint64_t> waiting() const {
        std::vector<std::uint64_t> out;
        for (const auto& [id, each] : requests) {
            if (!each.told && !each.gone) {
                out.push_back(id);
            }
        }
        return out;
    }
    // A load or a stop comes to its end, if there is one.
    void advance(std::uint64_t id) {
        const machine& of = machines.at(id);
        if (of.stopping) {
            end_stop(id);
        } else if (of.now.state == engine::availability_state::loading) {
            become(id, engine::availability_state::ready);
        }
    }
    // What it does not keep, empty when it keeps all.
    std::string broken_promise() {
        if (!wrong.empty()) {
            return wrong.front();
        }
        const std::vector<std::uint64_t> all = waiting();
        const auto new_ones = std::count_if(all.begin(), all.end(),
                                            [this](std::uint64_t id) { return !requests.at(id).again; });
        if (all.size() != core.queue().waiting() || new_ones > static_cast<std::ptrdiff_t>(max_queue)) {
            return fmt::format("{} wait, and the queue has {}", all.size(), core.queue().waiting());
        }
        for (const auto& [id, each] : machines) {
            if (each.leases != core.queue().leases(scheduler::instance_id{id})) {
                return fmt::format("leases of instance {} are miscounted", id);
            }
        }
        const std::string more = happen(scheduler::event::looked{});
        return more.empty() ? "" : "it was not at rest: " + more;
    }
    // All that is open comes to its end; nobody may be left.
    std::string drain(const std::vector<std::uint64_t>& holds) {
        std::set<std::string> models;
        for (const auto& [id, each] : machines) {
            models.insert(each.model);
        }
        for (const std::string& each : models) {
            happen(scheduler::event::resumed{each});
        }
        for (const std::uint64_t each : holds) {
            happen(scheduler::event::let_go{scheduler::hold_id{each}});
        }
        for (int round = 0; round < 200 && core.queue().waiting() + core.queue().running() > 0; ++round) {
            for (auto& [id, each] : machines) {
                if (each.stopping) {
                    end_stop(id);
                } else if (each.now.state != engine::availability_state::stopped) {
                    become(id, engine::availability_state::ready);
                }
            }
            for (const std::uint64_t each : running()) {
                release(each);
            }
            pass(core::seconds{1});
        }
        const std::size_t left = core.queue().waiting() + core.queue().running();
        return left == 0 ? broken_promise() : fmt::format("{} are forgotten", left);
    }

    scheduler::scheduler_core core;
    std::size_t max_queue;
    core::steady_time now{core::seconds{1000}};
    std::map<std::uint64_t, machine> machines;
    std::map<std::uint64_t, request> requests;
    bool suspending_at_once = false;
    std::vector<std::string> wrong;

private:
    static constexpr std::array<std::uint64_t, 2> cards{1000, 1000};

    // Whoever took them away sees to their end.
    void forget(const std::string& model) {
        std::erase_if(machines, [&](const auto& one) { return one.second.model == model; });
    }
    static scheduler::scheduler_options with_cards(scheduler::scheduler_options options) {
        options.usable_mb = [](unsigned card) -> std::optional<std::uint64_t> {
            return card < cards.size() ? std::optional(cards.at(card)) : std::nullopt;
        };
        return options;
    }
    // True: a backend has changed by it.
    bool handle(const scheduler::scheduler_event& what, std::string& out) {
        std::vector<scheduler::instance_reading> all;
        for (const auto& [id, one] : machines) {
            all.push_back(one.now);
        }
        core.see(all, now);
        bool again = false;
        for (const scheduler::scheduler_effect& each : core.handle(what, now)) {
            std::visit([&](const auto& one) { again = perform(one, out) || again; }, each);
        }
        return again;
    }
    static void note(std::string& out, const std::string& what) { out += (out.empty() ? "" : "; ") + what; }
    bool perform(const scheduler::decision& one, std::string& out) {
        const std::uint64_t ticket = one.ticket.value;
        request& who = requests.at(ticket);
        if (who.told || who.gone) {
            wrong.push_back(fmt::format("ticket {} is answered twice, or after it left", ticket));
        }
        who.told = true;
        if (one.what != scheduler::verdict::granted) {
            note(out, fmt::format("refuse {}", ticket));
            return false;
        }
        note(out, fmt::format("grant {} on {}", ticket, one.instance.value));
        machine& at = machines.at(one.instance.value);
        who.on = one.instance.value;
        ++at.leases;
        if (at.leases > at.capacity) {
            wrong.push_back(fmt::format("{} leases on instance {}", at.leases, one.instance.value));
        }
        if (at.model != who.model || at.now.state != engine::availability_state::ready || at.stopping) {
            wrong.push_back(fmt::format("ticket {} got an instance that can't serve it", ticket));
        }
        if (core.queue().suspended(who.model)) {
            wrong.push_back("a suspended model serves");
        }
        for (auto& [id, other] : requests) {
            if (!other.told && !other.gone) {
                ++(other.model == who.model ? other.passed_by_own : other.passed_by_others);
            }
        }
        return false;
    }
    bool perform(const scheduler::effect::load& one, std::string& out) {
        note(out, fmt::format("load {}", one.which.value));
        machine& of = machines.at(one.which.value);
        if (of.stopping) {
            wrong.push_back(fmt::format("instance {} is loaded while it stops", one.which.value));
        }
        of.now.state = engine::availability_state::loading;
        std::map<unsigned, std::uint64_t> used;
        for (const auto& [id, each] : machines) {
            if (each.stopping || each.now.state != engine::availability_state::stopped) {
                for (const unsigned card : each.now.claim.cards) {
                    used[card] += each.now.claim.memory_mb / each.now.claim.cards.size();
                }
            }
        }
        for (const auto& [card, mb] : used) {
            if (card < cards.size() && mb > cards.at(card)) {
                wrong.push_back(fmt::format("{} MB on card {}", mb, card));
            }
        }
        return true;
    }
    bool perform(const scheduler::effect::unload& one, std::string& out) {
        note(out, fmt::format("unload {}", one.which.value));
        machine& of = machines.at(one.which.value);
        if (std::exchange(of.stopping, true)) {
            wrong.push_back(fmt::format("instance {} is unloaded twice", one.which.value));
        }
        if (of.leases > 0 && !suspending_at_once) {
            wrong.push_back(fmt::format("instance {} is unloaded under a lease", one.which.value));
        }
        return false;
    }
    bool perform(const scheduler::effect::notify&, std::string&) { return false; }
    bool perform(const scheduler::effect::log&, std::string&) { return false; }
};

}  // namespace corral::test
