#pragma once
// Whether an instance that has just answered is kept for the next turn of its conversation while strangers wait for it:
// only as long as what that turn would be spared, times how likely its client goes on in time, exceeds what they lose.
// The likelihood is learned from what each client did after its last answers, so nobody waits for people who read, and
// no client waits for itself.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "corral/core/time.hpp"

namespace corral::scheduler {

// Of one instance, since its process is ready.
struct kept_place {
    std::optional<core::steady_time> released{};
    std::optional<core::steady_time> until{};
    std::string client{};           // whose conversation it was
    core::nanoseconds expected{0};  // what its next turn is spared, by the likelihood that it comes in time
    bool delays = false;            // somebody waits meanwhile
    [[nodiscard]] bool open(core::steady_time now) const noexcept { return until && now < *until; }
    // `others` wait for it.
    [[nodiscard]] bool holds(core::steady_time now, std::size_t others) const noexcept {
        return open(now) && expected > (*until - now) * static_cast<std::int64_t>(others);
    }
};

class conversation_hold {
public:
    void set_longest(core::nanoseconds longest) noexcept { longest_ = longest; }
    // A run of that client has ended there; `saving`: what going on would be spared.
    void released(kept_place& at, const std::string& client, core::nanoseconds saving, core::steady_time now);
    // A run begins there; `went_on`: behind what it held.
    void granted(kept_place& at, const std::string& client, bool went_on, core::steady_time now);

private:
    struct habit {
        double goes_on = 0;  // how likely, in time
        std::uint64_t seen = 0;
    };
    habit& habit_of(const std::string& client);
    void learn(const std::string& client, bool in_time);

    core::nanoseconds longest_{0};
    std::unordered_map<std::string, habit> habits_;  // of the last clients
    std::uint64_t seen_ = 0;
};

}  // namespace corral::scheduler
