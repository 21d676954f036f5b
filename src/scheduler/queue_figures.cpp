// What the queue knows of itself: places, times, turns.

#include <algorithm>
#include <array>

#include "scheduler/queue_policy.hpp"

namespace corral::scheduler {

namespace {

using duration = std::optional<core::nanoseconds>;

core::nanoseconds rest(core::nanoseconds usual, core::nanoseconds gone) {
    return std::max(core::nanoseconds{0}, usual - gone);
}

// Whole seconds, rounded up, at most a day.
std::optional<core::seconds> whole_seconds(const duration& span) {
    if (!span) {
        return std::nullopt;
    }
    constexpr core::seconds longest{24 * 60 * 60};
    return std::min(longest, std::chrono::ceil<core::seconds>(*span));
}

}  // namespace

std::size_t queue_policy::waiting_for(const std::string& model) const {
    const auto found = lanes_.find(model);
    return found == lanes_.end() ? 0 : found->second.queue.size();
}

std::optional<moment> queue_policy::oldest_of(const std::string& model) const {
    const auto found = lanes_.find(model);
    if (found == lanes_.end() || found->second.arrivals.empty()) {
        return std::nullopt;
    }
    const auto& [order, at] = *found->second.arrivals.begin();
    return moment{order, at};
}

const turn* queue_policy::turn_of(const std::string& model) const {
    const auto found = lanes_.find(model);
    return found == lanes_.end() ? nullptr : &found->second.own;
}

void queue_policy::end_turn(const std::string& model, core::steady_time now) {
    const auto found = lanes_.find(model);
    if (found != lanes_.end()) {
        found->second.own.ended(mark(now));
    }
}

void queue_policy::set_room_delay(const std::string& model, duration delay) {
    const auto found = lanes_.find(model);
    if (found != lanes_.end()) {
        found->second.room_delay = delay;
    }
}

duration queue_policy::usual_load(const std::string& model) const {
    const auto found = lanes_.find(model);
    return found == lanes_.end() ? std::nullopt : mean_of(found->second.load, found->second.tier);
}

bool queue_policy::is_free(slot_id which) const {
    const auto found = slots_.find(which);
    if (found == slots_.end()) {
        return false;
    }
    return has_place(found->second) && serves(lanes_.at(found->second.model), found->second);
}

std::uint64_t queue_policy::last_used(slot_id which) const {
    const auto found = slots_.find(which);
    return found == slots_.end() ? 0 : found->second.last_used;
}

std::optional<standing> queue_policy::standing_of(ticket_id ticket, core::steady_time now) const {
    const auto found = waiting_.find(ticket);
    if (found == waiting_.end()) {
        return std::nullopt;
    }
    const lane& on = lanes_.at(found->second.model);
    const std::size_t ahead = on.queue.ahead_of(ticket).value_or(0);
    auto estimate = whole_seconds(until_turn(on, ahead, now));
    if (estimate) {
        estimate = std::max(core::seconds{1}, *estimate);
    }
    return standing{ahead + leases_on(on), estimate};
}

std::optional<core::seconds> queue_policy::estimate_now(core::steady_time now) const {
    const std::array<bool, 2> up_first{true, false};
    for (const bool up : up_first) {
        bool any = false;
        core::nanoseconds longest{0};
        for (const auto& [model, on] : lanes_) {
            const bool is_up = any_slot(on, slot_state::ready, slot_state::loading);
            const bool refuses = on.barred || broken_reason(on) != nullptr;
            if (refuses || is_up != up) {
                continue;
            }
            const duration one = until_turn(on, on.queue.ahead_of_new_client(), now);
            if (!one) {
                return std::nullopt;
            }
            any = true;
            longest = std::max(longest, *one);
        }
        if (any) {
            return whole_seconds(longest);
        }
    }
    return std::nullopt;
}

duration queue_policy::until_drained(const std::string& model, std::size_t further,
                                     core::steady_time now) const {
    const auto found = lanes_.find(model);
    if (found == lanes_.end()) {
        return core::nanoseconds{0};
    }
    const lane& on = found->second;
    return until_turn(on, std::min(further, on.queue.size()), now);
}

duration queue_policy::until_turn(const lane& on, std::size_t ahead, core::steady_time now) const {
    const duration begin = until_ready(on, now);
    if (!begin) {
        return std::nullopt;
    }
    core::nanoseconds out = *begin;
    const bool taken = leases_on(on) >= servers(on);
    if (ahead == 0 && !taken) {
        return out;
    }
    const duration usual = mean_of(on.held, on.tier);
    if (!usual) {
        return std::nullopt;
    }
    if (taken) {
        core::nanoseconds soonest = *usual;
        for (const slot_id one : on.slots) {
            const slot& of = slots_.at(one);
            for (const ticket_id holder : of.holders) {
                const bool counts = serves(on, of);
                const core::nanoseconds left = rest(*usual, now - granted_.at(holder).since);
                soonest = counts ? std::min(soonest, left) : soonest;
            }
        }
        out += soonest;
    }
    const auto side_by_side = static_cast<core::nanoseconds::rep>(servers(on));
    return out + *usual * static_cast<core::nanoseconds::rep>(ahead) / side_by_side;
}

// Of the slot that is ready first; a load that has not begun waits for its room before.
duration queue_policy::until_ready(const lane& on, core::steady_time now) const {
    if (any_slot(on, slot_state::ready, slot_state::ready)) {
        return core::nanoseconds{0};
    }
    const duration usual = mean_of(on.load, on.tier);
    if (!usual) {
        return usual;
    }
    duration soonest;
    for (const slot_id one : on.slots) {
        const slot& of = slots_.at(one);
        if (of.state == slot_state::loading && serves(on, of)) {
            const core::nanoseconds left = rest(*usual, now - of.since);
            soonest = soonest ? std::min(*soonest, left) : left;
        }
    }
    if (soonest) {
        return soonest;
    }
    return on.room_delay ? duration(*usual + *on.room_delay) : std::nullopt;
}

bool queue_policy::any_slot(const lane& on, slot_state a, slot_state b) const {
    return std::any_of(on.slots.begin(), on.slots.end(), [&](slot_id one) {
        const slot& of = slots_.at(one);
        return serves(on, of) && (of.state == a || of.state == b);
    });
}

std::size_t queue_policy::leases_on(const lane& on) const {
    std::size_t out = 0;
    for (const slot_id one : on.slots) {
        const slot& of = slots_.at(one);
        out += serves(on, of) ? of.holders.size() : 0;
    }
    return out;
}

std::size_t queue_policy::servers(const lane& on) const {
    std::size_t out = 0;
    for (const slot_id one : on.slots) {
        const slot& of = slots_.at(one);
        const bool up =
            of.state == slot_state::ready || of.state == slot_state::loading || !of.holders.empty();
        out += up && serves(on, of) ? of.shape.capacity : 0;
    }
    return std::max<std::size_t>(1, out);
}

duration queue_policy::mean_of(const std::map<unsigned, service_time>& of, unsigned tier) {
    const auto found = of.find(tier);
    return found == of.end() ? std::nullopt : found->second.mean();
}

}  // namespace corral::scheduler
