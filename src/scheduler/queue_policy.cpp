#include "scheduler/queue_policy.hpp"

#include <algorithm>
#include <array>

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

void queue_policy::add_lane(const std::string& model) {
    lanes_.emplace(model, lane{});
}

std::vector<decision> queue_policy::remove_lane(const std::string& model) {
    std::vector<decision> out;
    const auto found = lanes_.find(model);
    if (found != lanes_.end()) {
        refuse_waiting(found->second, verdict::removed, out);
        lanes_.erase(found);
    }
    return out;
}

void queue_policy::renew_lane(const std::string& model, core::steady_time now) {
    const auto found = lanes_.find(model);
    if (found == lanes_.end()) {
        return;
    }
    lane fresh;
    fresh.since = now;
    fresh.queue = std::move(found->second.queue);
    found->second = std::move(fresh);
}

std::size_t queue_policy::waiting_for(const std::string& model) const {
    const auto found = lanes_.find(model);
    return found == lanes_.end() ? 0 : found->second.queue.size();
}

// 1. shutting down, unknown, broken or barred: refused. 2. The lane is free: granted. 3. No room: refused. 4.
// Waits.
std::vector<decision> queue_policy::arrive(const arrival& who, core::steady_time now) {
    if (closed_) {
        return {decision{who.ticket, verdict::shutting_down, {}, {}}};
    }
    const auto found = lanes_.find(who.model);
    if (found == lanes_.end()) {
        return {decision{who.ticket, verdict::unknown_model, {}, {}}};
    }
    lane& on = found->second;
    if (on.state == lane_state::broken) {
        return {decision{who.ticket, verdict::broken, on.reason, {}}};
    }
    if (on.state == lane_state::barred) {
        return {decision{who.ticket, verdict::barred, on.reason, {}}};
    }
    const bool served_at_once = on.state == lane_state::ready && !on.holder && on.queue.size() == 0;
    if (!served_at_once && !who.readmission && waiting_ >= max_waiting_) {
        const std::size_t ahead = on.queue.size() + (on.holder ? 1 : 0);
        return {decision{who.ticket, verdict::queue_full, {}, on.held.until_served(ahead)}};
    }
    on.queue.add(who.client, who.ticket, who.readmission);
    ++waiting_;
    std::vector<decision> out;
    grant_next(who.model, on, now, out);
    return out;
}

bool queue_policy::cancel(ticket_id ticket) {
    for (auto& [model, on] : lanes_) {
        if (on.queue.remove(ticket)) {
            --waiting_;
            return true;
        }
    }
    return false;
}

std::vector<decision> queue_policy::release(ticket_id ticket, core::steady_time now) {
    std::vector<decision> out;
    const auto found = granted_.find(ticket);
    if (found == granted_.end()) {
        return out;
    }
    const grant over = found->second;
    granted_.erase(found);
    const auto place = lanes_.find(over.model);
    if (place == lanes_.end() || place->second.holder != ticket) {
        return out;  // removed, or another backend's now
    }
    lane& on = place->second;
    on.holder.reset();
    on.held.add(now - over.since);
    grant_next(over.model, on, now, out);
    return out;
}

std::vector<decision> queue_policy::lane_changed(const std::string& model, lane_state state,
                                                 std::string_view reason, core::steady_time now) {
    std::vector<decision> out;
    const auto found = lanes_.find(model);
    if (found == lanes_.end()) {
        return out;
    }
    lane& on = found->second;
    if (on.state == lane_state::loading && state == lane_state::ready) {
        on.load.add(now - on.since);
    }
    if (on.state != state) {
        on.since = now;
    }
    on.state = state;
    on.reason = reason;
    if (state == lane_state::broken) {
        refuse_waiting(on, verdict::broken, out);
    } else if (state == lane_state::barred) {
        refuse_waiting(on, verdict::barred, out);
    } else {
        grant_next(model, on, now, out);
    }
    return out;
}

std::size_t queue_policy::waiting_for_free(const std::string& model) const {
    const auto found = lanes_.find(model);
    return found == lanes_.end() || found->second.holder ? 0 : found->second.queue.size();
}

std::optional<standing> queue_policy::standing_of(ticket_id ticket, core::steady_time now) const {
    for (const auto& [model, on] : lanes_) {
        const std::optional<std::size_t> ahead = on.queue.ahead_of(ticket);
        if (ahead) {
            auto estimate = whole_seconds(until_turn(on, *ahead, now));
            if (estimate) {
                estimate = std::max(core::seconds{1}, *estimate);
            }
            return standing{*ahead + (on.holder ? 1 : 0), estimate};
        }
    }
    return std::nullopt;
}

std::optional<core::seconds> queue_policy::estimate_now(core::steady_time now) const {
    const std::array<bool, 2> up_first{true, false};
    for (const bool up : up_first) {
        bool any = false;
        core::nanoseconds longest{0};
        for (const auto& [model, on] : lanes_) {
            const bool is_up = on.state == lane_state::ready || on.state == lane_state::loading;
            const bool refuses = on.state == lane_state::broken || on.state == lane_state::barred;
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

duration queue_policy::until_turn(const lane& on, std::size_t ahead, core::steady_time now) const {
    const duration begin = until_ready(on, now);
    if (!begin) {
        return std::nullopt;
    }
    core::nanoseconds out = *begin;
    if (ahead == 0 && !on.holder) {
        return out;
    }
    const duration usual = on.held.mean();
    if (!usual) {
        return std::nullopt;
    }
    if (on.holder) {
        out += rest(*usual, now - granted_.at(*on.holder).since);
    }
    return out + *usual * static_cast<core::nanoseconds::rep>(ahead);
}

duration queue_policy::until_ready(const lane& on, core::steady_time now) {
    if (on.state == lane_state::ready) {
        return core::nanoseconds{0};
    }
    const duration usual = on.load.mean();
    if (!usual || on.state == lane_state::unloaded) {
        return usual;
    }
    return rest(*usual, now - on.since);
}

std::vector<decision> queue_policy::refuse_new() {
    closed_ = true;
    std::vector<decision> out;
    for (auto& [model, on] : lanes_) {
        refuse_waiting(on, verdict::shutting_down, out);
    }
    return out;
}

void queue_policy::grant_next(const std::string& model, lane& on, core::steady_time now,
                              std::vector<decision>& out) {
    if (closed_ || on.state != lane_state::ready || on.holder) {
        return;
    }
    const auto next = on.queue.take();
    if (!next) {
        return;
    }
    --waiting_;
    on.holder = *next;
    granted_.emplace(*next, grant{model, now});
    out.push_back(decision{*next, verdict::granted, {}, {}});
}

void queue_policy::refuse_waiting(lane& on, verdict why, std::vector<decision>& out) {
    for (const ticket_id id : on.queue.take_all()) {
        --waiting_;
        const bool has_reason = why == verdict::broken || why == verdict::barred;
        out.push_back(decision{id, why, has_reason ? on.reason : std::string{}, {}});
    }
}

}  // namespace corral::scheduler
