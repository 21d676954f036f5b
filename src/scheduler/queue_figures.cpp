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
    const auto found = queues_.find(model);
    return found == queues_.end() ? 0 : found->second.ring.size();
}

bool queue_policy::people_wait_for(const std::string& model) const {
    const auto found = queues_.find(model);
    return found != queues_.end() && found->second.ring.people_wait();
}

unsigned queue_policy::tier_of(const std::string& model) const {
    const auto found = queues_.find(model);
    return found == queues_.end() ? 0 : found->second.tier;
}

bool queue_policy::suspended(const std::string& model) const {
    const auto found = queues_.find(model);
    return found != queues_.end() && found->second.suspended;
}

std::size_t queue_policy::leases(instance_id which) const noexcept {
    return static_cast<std::size_t>(std::count_if(
        granted_.begin(), granted_.end(), [which](const auto& one) { return one.second.instance == which; }));
}

std::optional<moment> queue_policy::oldest_of(const std::string& model) const {
    const auto found = queues_.find(model);
    if (found == queues_.end() || found->second.arrivals.empty()) {
        return std::nullopt;
    }
    const auto& [order, at] = *found->second.arrivals.begin();
    return moment{order, at};
}

const time_slice* queue_policy::slice_of(const std::string& model) const {
    const auto found = queues_.find(model);
    return found == queues_.end() ? nullptr : &found->second.slice;
}

void queue_policy::end_slice(const std::string& model, core::steady_time now) {
    const auto found = queues_.find(model);
    if (found != queues_.end()) {
        found->second.slice.ended(mark(now));
    }
}

void queue_policy::set_memory_delay(const std::string& model, duration delay) {
    const auto found = queues_.find(model);
    if (found != queues_.end()) {
        found->second.memory_delay = delay;
    }
}

void queue_policy::set_clearing(instance_id which, std::optional<core::steady_time> until) {
    const auto found = instances_.find(which);
    if (found != instances_.end()) {
        found->second.clears_at = until;
    }
}

duration queue_policy::usual_load(const std::string& model) const {
    const auto found = queues_.find(model);
    return found == queues_.end() ? std::nullopt : mean_of(found->second.load, found->second.tier);
}

bool queue_policy::is_free(instance_id which) const {
    const auto found = instances_.find(which);
    if (found == instances_.end()) {
        return false;
    }
    return has_place(which, found->second) && serves(queues_.at(found->second.model), found->second);
}

std::uint64_t queue_policy::last_used(instance_id which) const {
    const auto found = instances_.find(which);
    return found == instances_.end() ? 0 : found->second.last_used;
}

std::optional<standing> queue_policy::standing_of(ticket_id ticket, core::steady_time now) const {
    const auto found = waiting_.find(ticket);
    if (found == waiting_.end()) {
        return std::nullopt;
    }
    const queue& on = queues_.at(found->second.model);
    const std::size_t ahead = on.ring.ahead_of(ticket).value_or(0);
    auto estimate = whole_seconds(until_turn(on, ahead, found->second.level, now));
    if (estimate) {
        estimate = std::max(core::seconds{1}, *estimate);
    }
    return standing{ahead + leases_on(on), estimate};
}

std::optional<standing> queue_policy::standing_now(const std::string& model, core::steady_time now) const {
    const auto found = queues_.find(model);
    if (found == queues_.end()) {
        return std::nullopt;
    }
    const queue& on = found->second;
    constexpr auto level = priority_level::interactive;
    const std::size_t ahead = on.ring.ahead_of_next(level, {});
    return standing{ahead + leases_on(on), whole_seconds(until_turn(on, ahead, level, now))};
}

std::size_t queue_policy::places(const std::string& model) const {
    const auto found = queues_.find(model);
    return found == queues_.end() ? 1 : servers(found->second);
}

std::optional<core::seconds> queue_policy::estimate_now(core::steady_time now) const {
    const std::array<bool, 2> up_first{true, false};
    for (const bool up : up_first) {
        bool any = false;
        core::nanoseconds longest{0};
        for (const auto& [model, on] : queues_) {
            const bool is_up = any_instance(on, presence::ready, presence::loading);
            const bool refuses = on.suspended || broken_reason(on) != nullptr;
            if (refuses || is_up != up) {
                continue;
            }
            constexpr auto level = priority_level::interactive;
            const duration one = until_turn(on, on.ring.ahead_of_next(level, {}), level, now);
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
    const auto found = queues_.find(model);
    if (found == queues_.end()) {
        return core::nanoseconds{0};
    }
    const queue& on = found->second;
    return until_turn(on, std::min(further, on.ring.size()), priority_level::batch, now);
}

// As measured, or guessed before anything was; from 1 s to 10 minutes.
core::seconds queue_policy::own_wait(const queue& on, std::size_t ahead, priority_level level,
                                     core::steady_time now) const {
    constexpr core::seconds longest{600};
    if (const auto known = whole_seconds(until_turn(on, ahead, level, now))) {
        return std::clamp(*known, core::seconds{1}, longest);
    }
    const std::size_t side_by_side = servers(on);
    const std::size_t rounds = (ahead + leases_on(on) + side_by_side - 1) / side_by_side;
    const auto held = on.held.find(on.tier);
    return (held == on.held.end() ? service_time{} : held->second).until_served(rounds);
}

std::optional<core::seconds> queue_policy::too_late(const queue& on, const arrival& who,
                                                    core::steady_time now) const {
    // A model that is not there is loaded for those who wait; refused, they would find it absent each time.
    if (who.readmission || !any_instance(on, presence::ready, presence::loading)) {
        return std::nullopt;
    }
    const duration wait = until_turn(on, on.ring.ahead_of_next(who.level, who.client), who.level, now);
    return wait && *wait > who.until.left(now) ? whole_seconds(wait) : std::nullopt;
}

duration queue_policy::until_turn(const queue& on, std::size_t ahead, priority_level level,
                                  core::steady_time now) const {
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
        const duration begins = mean_of(on.begin, on.tier);
        std::vector<core::nanoseconds> left;
        for (const auto& [ticket, each] : granted_) {
            const bool own =
                std::find(on.instances.begin(), on.instances.end(), each.instance) != on.instances.end();
            if (own && serves(on, instances_.at(each.instance))) {
                const auto& clears = instances_.at(each.instance).clears_at;
                const bool yields = each.yields && level == priority_level::interactive;
                const core::nanoseconds whole = !yields      ? *usual
                                                : each.begun ? core::nanoseconds{0}
                                                             : begins.value_or(core::nanoseconds{0});
                left.push_back(clears ? core::deadline(*clears).left(now) : rest(whole, now - each.since));
            }
        }
        out += left.empty() ? *usual : *std::min_element(left.begin(), left.end());
    }
    const auto side_by_side = static_cast<core::nanoseconds::rep>(servers(on));
    return out + *usual * static_cast<core::nanoseconds::rep>(ahead) / side_by_side;
}

// Of the instance that is ready first; a load that has not begun waits for its room before.
duration queue_policy::until_ready(const queue& on, core::steady_time now) const {
    if (any_instance(on, presence::ready, presence::ready)) {
        return core::nanoseconds{0};
    }
    const duration usual = mean_of(on.load, on.tier);
    if (!usual) {
        return usual;
    }
    duration soonest;
    for (const instance_id one : on.instances) {
        const instance& of = instances_.at(one);
        if (of.state == presence::loading && serves(on, of)) {
            const core::nanoseconds left = rest(*usual, now - of.since);
            soonest = soonest ? std::min(*soonest, left) : left;
        }
    }
    if (soonest) {
        return soonest;
    }
    return on.memory_delay ? duration(*usual + *on.memory_delay) : std::nullopt;
}

bool queue_policy::any_instance(const queue& on, presence a, presence b) const {
    return std::any_of(on.instances.begin(), on.instances.end(), [&](instance_id one) {
        const instance& of = instances_.at(one);
        return serves(on, of) && (of.state == a || of.state == b);
    });
}

std::size_t queue_policy::leases_on(const queue& on) const {
    std::size_t out = 0;
    for (const instance_id one : on.instances) {
        const instance& of = instances_.at(one);
        out += serves(on, of) ? leases(one) : 0;
    }
    return out;
}

std::size_t queue_policy::servers(const queue& on) const {
    std::size_t out = 0;
    for (const instance_id one : on.instances) {
        const instance& of = instances_.at(one);
        const bool up = of.state == presence::ready || of.state == presence::loading || leases(one) > 0;
        out += up && serves(on, of) ? of.shape.capacity : 0;
    }
    return std::max<std::size_t>(1, out);
}

duration queue_policy::mean_of(const std::map<unsigned, service_time>& of, unsigned tier) {
    const auto found = of.find(tier);
    return found == of.end() ? std::nullopt : found->second.mean();
}

}  // namespace corral::scheduler
