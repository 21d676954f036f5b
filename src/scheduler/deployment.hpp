#pragma once
// What the scheduler knows of a model that is served: its settings, its instances, and what is wanted of it.
// Who waits and who has a lease is queue_policy's to know.

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "corral/engine/backend.hpp"
#include "corral/scheduler/scheduler.hpp"
#include "scheduler/queue_policy.hpp"
#include "scheduler/residency_policy.hpp"
#include "scheduler/tier_policy.hpp"

namespace corral::scheduler {

using hold_id = core::strong_id<struct hold_tag>;

// What a configuration says of a model.
struct deployment_settings {
    bool pinned = false;
    bool preload = true;
    std::optional<core::nanoseconds> keep_alive;
    core::nanoseconds failback_after = core::seconds{30};
};

// What stays of an instance as long as its configuration does.
struct instance_facts {
    instance_id id;
    unsigned tier = 0;
    unsigned capacity = 1;   // leases at once
    unsigned most = 1;       // instances of its tier at once
    bool preload = true;     // one of a later tier is loaded along with the model
    std::string label = {};  // for people
};

// How an instance is now.
struct instance_reading {
    instance_id id;
    engine::availability_state state = engine::availability_state::stopped;
    core::reason reason = {};
    engine::device_claim claim = {};
    bool renewed = false;                             // as engine::availability::renewed
    std::optional<core::steady_time> clears_at = {};  // as engine::backend::clears_at()
};

struct instance {
    instance_facts facts;
    residency_policy residency;
    core::reason reason = {};         // as last read
    engine::device_claim claim = {};  // the same
    bool renewed = false;             // the same
    bool first_load = false;          // not ready yet since its load began
    bool draining = false;            // gets nothing more to do
    // A person waits for another model in its room, and to load both once more takes so long; nothing: nobody does.
    std::optional<core::nanoseconds> yields = {};
    bool no_memory = false;  // and none can be had: it can't serve for as long as that is so
    std::optional<core::steady_time> load_began = {};

    [[nodiscard]] bool loaded() const noexcept { return residency.stage() == residence_stage::loaded; }
    [[nodiscard]] bool broken() const noexcept {
        return residency.seen() == engine::availability_state::broken;
    }
    [[nodiscard]] presence is() const noexcept;
    // To requests, which only see what is admitted; never `leaving`.
    [[nodiscard]] presence serves_as() const noexcept;
};

struct deployment {
    std::string model;
    deployment_settings settings;
    std::vector<instance> instances = {};  // at least one

    std::set<hold_id> holds = {};  // those who want it loaded without a lease
    std::optional<moment> held_since = {};
    std::optional<moment> wanted = {};                 // load() or resume() while it was not there
    std::optional<core::nanoseconds> asked_stay = {};  // with load()
    std::set<unsigned> preload = {};  // tiers that are to be loaded where that costs nobody anything
    bool preload_more = false;        // the same for further instances of the first
    bool displaces = false;           // another was unloaded for it
    bool overtakes = false;           // it serves while another waits for its card memory
    bool impossible = false;          // no card memory can ever be had for it
    core::reason why = {};            // it is not being loaded though somebody waits, see model_queue::why

    tier_policy tiers{core::seconds{30}};
    tier_report last_change = {};  // without what it says of the present

    // nullptr: none is.
    [[nodiscard]] const instance* any_loaded() const;
    [[nodiscard]] bool loaded_in(unsigned tier) const;
    // nullptr: there is none.
    [[nodiscard]] const instance* first_of(unsigned tier) const;
    [[nodiscard]] unsigned last_tier() const;
    [[nodiscard]] std::size_t most(unsigned tier) const;
    [[nodiscard]] std::string label_of(unsigned tier) const;
    [[nodiscard]] std::vector<presence> tier_states() const;
    // Later tiers that are to be loaded along with the model, and are not.
    void preload_standby();
    // What had no card memory is tried again.
    void forget_no_memory();
    // No load is wanted any more.
    void want_nothing();
    [[nodiscard]] residence stays() const;
    // One plain sentence of why requests go from tier `before` to another.
    [[nodiscard]] std::string change_text(unsigned before, const tier_verdict& now) const;
};

}  // namespace corral::scheduler
