#pragma once
// Which of a model's tiers new requests go to. Tier 0 is the one that is wanted; each later one stands in
// while nothing before it can serve. Owns no timer: told how each tier is, by its best instance, it answers which one
// serves.
//
// A tier is out of order from when it broke, or had to be restarted, until it has been ready without a break
// for `failback_after`, or was unloaded on purpose: what is then loaded begins afresh. A tier that loads for
// the first time, was restarted by choice, or was unloaded by its keep-alive or for another model, is not out of
// order.
//
// - Requests go to the first tier that is in order and ready.
// - They leave a tier only for one that is ready. While none is, they wait for whichever comes first.
// - They come back to a better tier that is out of order, though it is ready, only when the one that serves
//   is not. So an outage makes one change there and one back, however often the better tier flaps meanwhile.
// - A better tier in order that is merely not loaded takes them back, as it is loaded for them; while it
//   loads, the tier behind it serves, if it is ready. The same at the start of the server.

#include <optional>
#include <vector>

#include "corral/core/time.hpp"
#include "scheduler/residency_policy.hpp"

namespace corral::scheduler {

// Why requests go to another tier.
enum class tier_reason {
    none,      // they don't
    broke,     // the one that served can't be started
    restarts,  // the one that served failed and is started again
    loads,     // a better one is loading for the first time
    in_order,  // a better one is back, or loaded
};

struct tier_verdict {
    unsigned serving = 0;
    tier_reason why = tier_reason::none;  // other than none exactly when `serving` changed
    bool outage = false;                  // the change begins or ends an outage
};

class tier_policy {
public:
    explicit tier_policy(core::nanoseconds failback_after) : failback_after_(failback_after) {}
    void set_failback(core::nanoseconds after) noexcept { failback_after_ = after; }

    // How all tiers are now, first one first, and the one that serves; told whenever one changed, and at
    // look_again(). At least one.
    tier_verdict observe(unsigned serving, const std::vector<presence>& states, core::steady_time now);

    // The tier that requests need loaded: an absent one that nothing before it is about to stand in for.
    [[nodiscard]] std::optional<unsigned> to_load() const noexcept;
    // When time alone may change the answer.
    [[nodiscard]] std::optional<core::steady_time> look_again() const noexcept;

private:
    struct tier {
        presence is = presence::absent;
        bool failed = false;
        bool repaired = false;  // by what was told last
        core::steady_time ready_since{};
    };
    void note(tier& of, presence is, core::steady_time now) const;
    [[nodiscard]] unsigned choose(unsigned serving) const noexcept;
    [[nodiscard]] tier_verdict verdict_between(unsigned before, unsigned serving) const noexcept;

    core::nanoseconds failback_after_;
    std::vector<tier> tiers_;
};

}  // namespace corral::scheduler
