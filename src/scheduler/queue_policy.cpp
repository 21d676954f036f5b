#include "scheduler/queue_policy.hpp"

#include <algorithm>
#include <utility>

namespace corral::scheduler {

void queue_policy::add_lane(const std::string& model) {
    lanes_.emplace(model, lane{});
}

std::vector<decision> queue_policy::remove_lane(const std::string& model) {
    std::vector<decision> out;
    const auto found = lanes_.find(model);
    if (found != lanes_.end()) {
        refuse_waiting(found->second, verdict::removed, {}, out);
        for (const slot_id one : found->second.slots) {
            slots_.erase(one);
        }
        lanes_.erase(found);
    }
    return out;
}

void queue_policy::renew_lane(const std::string& model) {
    const auto found = lanes_.find(model);
    if (found == lanes_.end()) {
        return;
    }
    lane& on = found->second;
    for (const slot_id one : on.slots) {
        slots_.erase(one);
    }
    lane fresh;
    fresh.queue = std::move(on.queue);
    fresh.arrivals = std::move(on.arrivals);
    fresh.barred = std::move(on.barred);
    fresh.tier = on.tier;
    on = std::move(fresh);
}

void queue_policy::add_slot(const std::string& model, slot_id which, std::vector<unsigned> cards,
                            core::steady_time now, slot_shape shape) {
    const auto found = lanes_.find(model);
    if (found == lanes_.end()) {
        return;
    }
    slot fresh;
    fresh.model = model;
    fresh.shape = {std::max(1U, shape.capacity), shape.tier};
    fresh.cards = std::move(cards);
    fresh.since = now;
    slots_.emplace(which, std::move(fresh));
    found->second.slots.push_back(which);
}

void queue_policy::remove_slot(slot_id which) {
    const auto found = slots_.find(which);
    if (found != slots_.end()) {
        std::erase(lanes_.at(found->second.model).slots, which);
        slots_.erase(found);
    }
}

// 1. shutting down, unknown, barred or broken: refused. 2. A slot is free: granted. 3. No room: refused. 4.
// Waits.
std::vector<decision> queue_policy::arrive(const arrival& who, core::steady_time now) {
    if (closed_) {
        return {decision{who.ticket, verdict::shutting_down, {}, {}, {}}};
    }
    const auto found = lanes_.find(who.model);
    if (found == lanes_.end()) {
        return {decision{who.ticket, verdict::unknown_model, {}, {}, {}}};
    }
    lane& on = found->second;
    if (on.barred) {
        return {decision{who.ticket, verdict::barred, *on.barred, {}, {}}};
    }
    if (const std::string* why = broken_reason(on)) {
        return {decision{who.ticket, verdict::broken, *why, {}, {}}};
    }
    const bool served_at_once = on.queue.size() == 0 && free_slot(on);
    if (!served_at_once && !who.readmission && waiting_.size() >= max_waiting_) {
        const std::size_t side_by_side = servers(on);
        const std::size_t ahead = on.queue.size() + leases_on(on);
        const std::size_t rounds = (ahead + side_by_side - 1) / side_by_side;
        return {decision{who.ticket, verdict::queue_full, {}, on.held[on.tier].until_served(rounds), {}}};
    }
    on.queue.add(who.client, who.ticket, who.readmission);
    const moment came = mark(now);
    on.arrivals.emplace(came.order, came.at);
    waiting_.emplace(who.ticket, pending{who.model, came.order});
    std::vector<decision> out;
    grant_next(on, now, out);
    return out;
}

bool queue_policy::cancel(ticket_id ticket) {
    const auto found = waiting_.find(ticket);
    if (found == waiting_.end()) {
        return false;
    }
    lane& on = lanes_.at(found->second.model);
    on.queue.remove(ticket);
    forget(on, ticket);
    return true;
}

std::vector<decision> queue_policy::release(ticket_id ticket, core::steady_time now) {
    std::vector<decision> out;
    const auto found = granted_.find(ticket);
    if (found == granted_.end()) {
        return out;
    }
    const grant over = found->second;
    granted_.erase(found);
    const auto place = slots_.find(over.slot);
    if (place == slots_.end()) {
        return out;  // removed meanwhile
    }
    std::erase(place->second.holders, ticket);
    place->second.last_used = mark(now).order;
    lane& on = lanes_.at(place->second.model);
    on.held[place->second.shape.tier].add(now - over.since);
    grant_next(on, now, out);
    return out;
}

std::vector<decision> queue_policy::slot_changed(slot_id which, slot_state state, std::string_view reason,
                                                 core::steady_time now) {
    std::vector<decision> out;
    const auto found = slots_.find(which);
    if (found == slots_.end()) {
        return out;
    }
    slot& of = found->second;
    lane& on = lanes_.at(of.model);
    if (of.state == slot_state::loading && state == slot_state::ready) {
        on.load[of.shape.tier].add(now - of.since);
    }
    if (of.state != state) {
        of.since = now;
    }
    of.state = state;
    of.reason = reason;
    if (state == slot_state::unloaded) {
        of.was_ready = false;
    } else if (state == slot_state::ready && !of.was_ready) {
        // A further instance begins no new turn of its model, nor does what stands by for it.
        const auto beside = [&](slot_id other) {
            const slot& one = slots_.at(other);
            return one.was_ready && one.shape.tier <= of.shape.tier;
        };
        const bool first = std::none_of(on.slots.begin(), on.slots.end(), beside);
        of.was_ready = true;
        if (first) {
            on.own.began(mark(now));
        }
    }
    if (const std::string* why = broken_reason(on)) {
        refuse_waiting(on, verdict::broken, *why, out);
    } else {
        grant_next(on, now, out);
    }
    return out;
}

std::vector<decision> queue_policy::withhold(slot_id which, bool is, core::steady_time now) {
    std::vector<decision> out;
    const auto found = slots_.find(which);
    if (found == slots_.end() || found->second.withheld == is) {
        return out;
    }
    found->second.withheld = is;
    grant_next(lanes_.at(found->second.model), now, out);
    return out;
}

std::vector<decision> queue_policy::serve_by(const std::string& model, unsigned tier, core::steady_time now) {
    std::vector<decision> out;
    const auto found = lanes_.find(model);
    if (found != lanes_.end()) {
        found->second.tier = tier;
        grant_next(found->second, now, out);
    }
    return out;
}

std::vector<decision> queue_policy::bar(const std::string& model, std::string_view reason) {
    std::vector<decision> out;
    const auto found = lanes_.find(model);
    if (found != lanes_.end()) {
        found->second.barred = std::string(reason);
        refuse_waiting(found->second, verdict::barred, *found->second.barred, out);
    }
    return out;
}

std::vector<decision> queue_policy::unbar(const std::string& model, core::steady_time now) {
    std::vector<decision> out;
    const auto found = lanes_.find(model);
    if (found != lanes_.end()) {
        found->second.barred.reset();
        grant_next(found->second, now, out);
    }
    return out;
}

std::vector<decision> queue_policy::refuse_for_room(const std::string& model, const std::string& reason) {
    std::vector<decision> out;
    const auto found = lanes_.find(model);
    if (found != lanes_.end()) {
        refuse_waiting(found->second, verdict::no_room, reason, out);
    }
    return out;
}

std::vector<decision> queue_policy::refuse_new() {
    closed_ = true;
    std::vector<decision> out;
    for (auto& [model, on] : lanes_) {
        refuse_waiting(on, verdict::shutting_down, {}, out);
    }
    return out;
}

void queue_policy::grant_next(lane& on, core::steady_time now, std::vector<decision>& out) {
    if (closed_ || on.barred) {
        return;
    }
    for (auto at = free_slot(on); at; at = free_slot(on)) {
        const auto next = on.queue.take();
        if (!next) {
            return;
        }
        forget(on, *next);
        const moment when = mark(now);
        slot& serves = slots_.at(*at);
        serves.holders.push_back(*next);
        serves.last_used = when.order;
        on.own.granted(when);
        granted_.emplace(*next, grant{*at, now});
        out.push_back(decision{*next, verdict::granted, {}, {}, *at});
    }
}

void queue_policy::refuse_waiting(lane& on, verdict why, const std::string& reason,
                                  std::vector<decision>& out) {
    for (const ticket_id id : on.queue.take_all()) {
        forget(on, id);
        out.push_back(decision{id, why, reason, {}, {}});
    }
}

void queue_policy::forget(lane& on, ticket_id ticket) {
    const auto found = waiting_.find(ticket);
    on.arrivals.erase(found->second.order);
    waiting_.erase(found);
}

std::optional<slot_id> queue_policy::free_slot(const lane& on) const {
    std::optional<slot_id> best;
    std::pair<std::size_t, std::uint64_t> least;
    for (const slot_id one : on.slots) {
        const slot& of = slots_.at(one);
        if (of.state != slot_state::ready || !serves(on, of) || !has_place(of)) {
            continue;
        }
        const std::size_t busy = std::max(leases_beside(of), of.holders.size());
        const std::pair<std::size_t, std::uint64_t> load{busy, of.last_used};
        if (!best || load < least) {
            best = one;
            least = load;
        }
    }
    return best;
}

// On the busiest of its cards, whatever the model.
std::size_t queue_policy::leases_beside(const slot& of) const {
    std::size_t most = 0;
    for (const unsigned card : of.cards) {
        std::size_t there = 0;
        for (const auto& [id, each] : slots_) {
            const bool on_it = std::find(each.cards.begin(), each.cards.end(), card) != each.cards.end();
            there += on_it ? each.holders.size() : 0;
        }
        most = std::max(most, there);
    }
    return most;
}

// The first one's; nullptr: not all are broken.
const std::string* queue_policy::broken_reason(const lane& on) const {
    const bool all = !on.slots.empty() && std::all_of(on.slots.begin(), on.slots.end(), [this](slot_id one) {
        return slots_.at(one).state == slot_state::broken;
    });
    return all ? &slots_.at(on.slots.front()).reason : nullptr;
}

}  // namespace corral::scheduler
