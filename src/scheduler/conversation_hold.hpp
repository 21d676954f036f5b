#pragma once
// Whether an instance that has just answered is kept for the same conversation for a moment, so that a program that
// asks again at once finds its prefix computed, and strangers wait so long for an idle instance. It is kept only where
// going on has been seen, and for a client that mostly goes on in time: one that did not is given every second chance,
// then every fourth, up to every 64th, until it does again. So nobody waits for people who read.

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "corral/core/time.hpp"

namespace corral::scheduler {

// Of one instance, since its process is ready.
struct kept_place {
    bool goes_on = false;  // a prompt has gone on behind what it held
    std::optional<core::steady_time> released{};
    std::optional<core::steady_time> until{};
    std::string client{};  // whose conversation it was
    bool delays = false;   // somebody waits meanwhile
    [[nodiscard]] bool holds(core::steady_time now) const noexcept { return until && now < *until; }
};

class conversation_hold {
public:
    void set_longest(core::nanoseconds longest) noexcept { longest_ = longest; }
    // A run of that client has ended there.
    void released(kept_place& at, const std::string& client, core::steady_time now);
    // A run begins there; `went_on`: behind what it held.
    void granted(kept_place& at, const std::string& client, bool went_on, core::steady_time now);

private:
    struct habit {
        unsigned misses = 0;   // in a row
        unsigned chances = 0;  // not taken since
        std::uint64_t seen = 0;
    };
    [[nodiscard]] bool takes_chance(habit& of) noexcept;
    habit& habit_of(const std::string& client);

    core::nanoseconds longest_{0};
    std::unordered_map<std::string, habit> habits_;  // of the last clients
    std::uint64_t seen_ = 0;
};

}  // namespace corral::scheduler
