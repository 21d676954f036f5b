#pragma once
// The scheduler without its backends: what happened goes in, what is to be done comes out. Owns no timer, no
// coroutine and no backend. It holds each fact once: who waits and who has a lease in queue_policy, how an
// instance stands in its residency_policy, all else of a model in its deployment. What follows from these (who
// is loaded, unloaded, granted; which tier serves) is found anew at each event, until nothing changes any
// more, so that nothing of an earlier decision has to be taken back.
//
// README.md of this folder has the table of events and effects.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "corral/core/time.hpp"
#include "corral/scheduler/scheduler.hpp"
#include "scheduler/arrangement_policy.hpp"
#include "scheduler/deployment.hpp"
#include "scheduler/queue_policy.hpp"

namespace corral::scheduler {

namespace event {

// Of requests.
struct arrived {
    arrival who;
    core::deadline until;
    std::optional<core::nanoseconds> keep_alive;  // see admission_request
};
struct withdrawn {
    ticket_id ticket;  // waiting
};
struct begun {
    ticket_id ticket;  // granted; the text of its answer comes
};
struct released {
    ticket_id ticket;  // granted
};
struct held {
    std::string model;
    hold_id hold;
};
struct let_go {
    hold_id hold;
};

// Of instances and of time.
struct looked {};  // time has passed, or a backend has changed
struct stopped {
    instance_id which;  // the answer to effect::unload
    bool all = true;    // nothing of it lives any more
};

// Of the configuration. An instance whose id is known stays as it is; a new one may be running already.
struct added {
    std::string model;
    deployment_settings settings;
    std::vector<std::pair<instance_facts, instance_reading>> instances;
    bool instead =
        false;  // of those that the model has, if any; the new ones are not loaded before `admitted`
};
struct admitted {
    std::string model;
};
struct removed {
    std::string model;
};
struct adjusted {
    scheduler_options options;
};
struct closed {};  // for good

// Of persons and clients.
struct preload {
    std::string model;  // empty: all whose settings say so
};
struct load {
    std::string model;
    std::optional<core::nanoseconds> keep_alive;
};
struct unload {
    std::string model;
};
struct suspended {
    std::string model;
    bool at_once = false;
};
struct resumed {
    std::string model;
};

}  // namespace event

using scheduler_event =
    std::variant<event::arrived, event::withdrawn, event::begun, event::released, event::held, event::let_go,
                 event::looked, event::stopped, event::added, event::admitted, event::removed,
                 event::adjusted, event::closed, event::preload, event::load, event::unload, event::suspended,
                 event::resumed>;

namespace effect {

struct load {
    instance_id which;
};
struct unload {
    instance_id which;
    const char* why = "";  // "is not needed any more"
};
// Those who watch this instance's backend are to look again.
struct notify {
    instance_id which;
};
struct log {
    bool warning = false;
    std::string_view id;  // of a message
    std::string text;
};

}  // namespace effect

// A decision grants or refuses one ticket.
using scheduler_effect = std::variant<decision, effect::load, effect::unload, effect::notify, effect::log>;

// When event::looked is wanted though nothing happens.
struct next_look {
    std::optional<core::steady_time> expiry = {};  // of a stay
    std::optional<core::steady_time> change = {};  // of a time slice, a load, a tier or a hold
    bool blocked = false;  // a model waits for card memory, which changes without a word
    friend bool operator==(const next_look&, const next_look&) = default;
};

struct scheduler_figures {
    std::uint64_t granted = 0;
    std::uint64_t swaps = 0;      // see queue_snapshot
    std::uint64_t evictions = 0;  // the same
    std::uint64_t overtaken = 0;  // the same
};

class scheduler_core {
public:
    explicit scheduler_core(scheduler_options options)
        : options_(std::move(options)), queue_(options_.max_queue) {
        queue_.set_hold(options_.conversation_hold);
    }
    // See queue_policy.
    void ask_held(queue_policy::held_prefix prefix, queue_policy::held_saving saving) {
        queue_.ask_held(std::move(prefix));
        queue_.ask_saving(std::move(saving));
    }

    // How all instances are, told before each event.
    void see(const std::vector<instance_reading>& all, core::steady_time now);
    [[nodiscard]] std::vector<scheduler_effect> handle(const scheduler_event& what, core::steady_time now);
    [[nodiscard]] struct next_look next_look() const;

    [[nodiscard]] const scheduler_options& options() const noexcept { return options_; }
    [[nodiscard]] const queue_policy& queue() const noexcept { return queue_; }
    [[nodiscard]] const scheduler_figures& figures() const noexcept { return figures_; }
    // In the order of their coming.
    [[nodiscard]] const std::vector<deployment>& deployments() const noexcept { return deployments_; }
    // nullptr: no such model.
    [[nodiscard]] const deployment* find(std::string_view model) const;
    [[nodiscard]] bool knows(instance_id which) const;
    // It has tiers, or is still served by one that it had.
    [[nodiscard]] bool tiered(const deployment& deployed) const;
    [[nodiscard]] std::size_t leases(const deployment& deployed) const;
    // A load of it now would have to wait for another to be unloaded. Not of one that is loaded or on its way.
    [[nodiscard]] bool needs_room(const deployment& deployed);
    // By how much the lease that is longest overdue has passed its request's deadline.
    [[nodiscard]] core::nanoseconds overdue(core::steady_time now) const;

private:
    struct ticket {
        core::deadline until;
        std::optional<core::nanoseconds> keep_alive;
        bool granted = false;
    };
    // A picture of the box, and whom its instances and models stand for; each tier of a deployment is one
    // model. Good until an instance comes or goes.
    struct picture {
        box_view box;
        std::vector<std::pair<deployment*, instance*>> instances;
        std::vector<std::pair<deployment*, unsigned>> models;
    };

    void on(const event::arrived& what);
    void on(const event::withdrawn& what);
    void on(const event::begun& what) { queue_.note_text(what.ticket, now_); }
    void on(const event::released& what);
    void on(const event::held& what);
    void on(const event::let_go& what);
    void on(const event::looked&) { apply(queue_.look(now_)); }
    void on(const event::stopped& what);
    void on(const event::added& added);
    void on(const event::admitted& what);
    void on(const event::removed& what);
    void on(const event::adjusted& what);
    void on(const event::closed& what);
    void on(const event::preload& what);
    void on(const event::load& what);
    void on(const event::unload& what);
    void on(const event::suspended& what);
    void on(const event::resumed& what);

    [[nodiscard]] deployment* known(std::string_view model);
    [[nodiscard]] std::pair<deployment*, instance*> known(instance_id which);
    void see(const instance_reading& each);
    [[nodiscard]] instance made(const deployment& deployed, const instance_facts& facts, bool admitted);
    void take_over(deployment& deployed, const event::added& added);
    void leave(const instance& one);
    [[nodiscard]] core::nanoseconds usual_stay(const deployment& deployed) const noexcept;
    [[nodiscard]] bool needs_load(const deployment& deployed) const;
    void want(deployment& deployed);
    void apply(const std::vector<decision>& all);
    void order(const instance& one, residence_order what, const char* why_stop = "is not needed any more");
    void notify(const deployment& deployed, const instance* but = nullptr);
    void say(bool warning, std::string_view id, std::string text) {
        effects_.emplace_back(effect::log{warning, id, std::move(text)});
    }

    // What follows from the facts.
    void settle();
    void settle(deployment& deployed);
    void settle_tier(deployment& deployed);
    void arrange();
    [[nodiscard]] picture look();
    [[nodiscard]] model_view view_of(const deployment& deployed, unsigned tier) const;
    [[nodiscard]] instance_view view_of(const instance& one, std::size_t model) const;
    [[nodiscard]] static instance_view view_of(const leaving_runtime& one, std::size_t model);
    void withhold(const picture& seen, const arrangement& plan);
    void explain(const picture& seen, const arrangement& plan);
    void refuse_hopeless(const picture& seen, const arrangement& plan);
    void forget_lack_of_memory();
    [[nodiscard]] bool falls_back(deployment& deployed, unsigned tier);
    [[nodiscard]] std::optional<core::nanoseconds> delay_of(const picture& seen,
                                                            const blocked_model& blocked) const;
    void evict(const picture& seen, const eviction_order& order);
    void start(deployment& deployed, instance& one);

    scheduler_options options_;
    queue_policy queue_;
    std::vector<deployment> deployments_;
    std::unordered_map<ticket_id, ticket> tickets_;  // that wait or run
    scheduler_figures figures_;
    std::optional<core::steady_time> look_again_;  // of the last arrangement
    bool blocked_ = false;                         // the same: a model waits for card memory

    // While one event is handled.
    core::steady_time now_{};
    std::vector<scheduler_effect> effects_;
    bool changed_ = false;  // by a decision just made: what follows is to be found again
};

}  // namespace corral::scheduler
