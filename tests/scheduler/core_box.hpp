#pragma once
// scheduler_core beside a plain model of the backends that its runner would drive.

#include <algorithm>
#include <map>
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
    };

    explicit core_box(scheduler::scheduler_options options) : core(with_cards(std::move(options))) {}

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
        requests[ticket] = {model, client, false, false, 0, 0, 0};
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

    scheduler::scheduler_core core;
    core::steady_time now{core::seconds{1000}};
    std::map<unsigned, std::uint64_t> cards{{0, 1000}, {1, 1000}};
    std::map<std::uint64_t, machine> machines;
    std::map<std::uint64_t, request> requests;
    bool suspending_at_once = false;
    std::vector<std::string> wrong;

private:
    // Whoever took them away sees to their end.
    void forget(const std::string& model) {
        std::erase_if(machines, [&](const auto& one) { return one.second.model == model; });
    }
    scheduler::scheduler_options with_cards(scheduler::scheduler_options options) {
        options.usable_mb = [this](unsigned card) -> std::optional<std::uint64_t> {
            const auto found = cards.find(card);
            return found == cards.end() ? std::nullopt : std::optional(found->second);
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
            if (cards.contains(card) && mb > cards.at(card)) {
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
