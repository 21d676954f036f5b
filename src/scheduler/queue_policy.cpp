#include "scheduler/queue_policy.hpp"

#include <algorithm>
#include <utility>

namespace corral::scheduler {

void queue_policy::add_queue(const std::string& model) {
    queues_.emplace(model, queue{});
}

std::vector<decision> queue_policy::remove_queue(const std::string& model) {
    std::vector<decision> out;
    const auto found = queues_.find(model);
    if (found != queues_.end()) {
        refuse_waiting(found->second, verdict::removed, {}, out);
        for (const instance_id one : found->second.instances) {
            instances_.erase(one);
        }
        queues_.erase(found);
    }
    return out;
}

void queue_policy::renew_queue(const std::string& model) {
    const auto found = queues_.find(model);
    if (found == queues_.end()) {
        return;
    }
    queue& on = found->second;
    for (const instance_id one : on.instances) {
        instances_.erase(one);
    }
    queue fresh;
    fresh.ring = std::move(on.ring);
    fresh.arrivals = std::move(on.arrivals);
    fresh.suspended = std::move(on.suspended);
    fresh.tier = on.tier;
    on = std::move(fresh);
}

void queue_policy::add_instance(const std::string& model, instance_id which, std::vector<unsigned> cards,
                                core::steady_time now, instance_shape shape) {
    const auto found = queues_.find(model);
    if (found == queues_.end()) {
        return;
    }
    instance fresh;
    fresh.model = model;
    fresh.shape = {std::max(1U, shape.capacity), shape.tier};
    fresh.cards = std::move(cards);
    fresh.since = now;
    instances_.emplace(which, std::move(fresh));
    found->second.instances.push_back(which);
}

void queue_policy::remove_instance(instance_id which) {
    const auto found = instances_.find(which);
    if (found != instances_.end()) {
        std::erase(queues_.at(found->second.model).instances, which);
        instances_.erase(found);
    }
}

// 1. shutting down, unknown, suspended or broken: refused. 2. An instance is free: granted. 3. Its turn would come after
// its deadline, or there is no room: refused. 4. Waits.
std::vector<decision> queue_policy::arrive(const arrival& who, core::steady_time now) {
    if (closed_) {
        return {decision{who.ticket, verdict::shutting_down, {}, {}, {}}};
    }
    const auto found = queues_.find(who.model);
    if (found == queues_.end()) {
        return {decision{who.ticket, verdict::unknown_model, {}, {}, {}}};
    }
    queue& on = found->second;
    if (on.suspended) {
        return {decision{who.ticket, verdict::suspended, *on.suspended, {}, {}}};
    }
    if (const core::reason* why = broken_reason(on)) {
        return {decision{who.ticket, verdict::broken, *why, {}, {}}};
    }
    const bool served_at_once = on.ring.size() == 0 && !free_instances(on).empty();
    const bool full = !served_at_once && !who.readmission && waiting_.size() >= max_waiting_;
    std::vector<decision> out;
    if (const auto wait = served_at_once ? std::nullopt : too_late(on, who, now)) {
        return {decision{who.ticket, verdict::too_late, {}, wait, {}}};
    }
    if (full && !make_place(who, now, out)) {
        const core::seconds wait = own_wait(on, on.ring.ahead_of_next(who.level, who.client), who.level, now);
        return {decision{who.ticket, verdict::queue_full, {}, wait, {}}};
    }
    if (who.behind) {
        on.ring.add_behind(who.level, who.ticket);
    } else {
        on.ring.add(who.level, who.client, who.ticket, who.readmission);
    }
    const moment came = mark(now);
    on.arrivals.emplace(came.order, came.at);
    waiting_.emplace(who.ticket, pending{who.model, who.client, came.order, who.level, who.yields});
    if (!who.readmission) {
        shares_.add(who.client, came.order, who.ticket);
    }
    grant_next(on, now, out);
    return out;
}

bool queue_policy::make_place(const arrival& who, core::steady_time now, std::vector<decision>& out) {
    const std::optional<ticket_id> yields = shares_.yields_to(who.client);
    if (!yields) {
        return false;
    }
    const pending& newest = waiting_.at(*yields);
    queue& on = queues_.at(newest.model);
    const core::seconds wait = own_wait(on, on.ring.ahead_of(*yields).value_or(0), newest.level, now);
    on.ring.remove(*yields);
    forget(on, *yields);
    out.push_back(decision{*yields, verdict::queue_full, {}, wait, {}});
    return true;
}

bool queue_policy::cancel(ticket_id ticket) {
    const auto found = waiting_.find(ticket);
    if (found == waiting_.end()) {
        return false;
    }
    queue& on = queues_.at(found->second.model);
    on.ring.remove(ticket);
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
    const auto place = instances_.find(over.instance);
    if (place == instances_.end()) {
        return out;  // removed meanwhile
    }
    instance& at = place->second;
    at.last_used = mark(now).order;
    if (at.shape.capacity == 1) {
        const core::nanoseconds saving = saving_ ? saving_(over.instance) : core::nanoseconds{0};
        holds_.released(at.kept, over.client, saving, now);
    }
    queue& on = queues_.at(at.model);
    on.held[at.shape.tier].add(now - over.since);
    grant_next(on, now, out);
    return out;
}

void queue_policy::note_text(ticket_id ticket, core::steady_time now) {
    const auto found = granted_.find(ticket);
    if (found == granted_.end() || !found->second.yields || std::exchange(found->second.begun, true)) {
        return;
    }
    if (const auto at = instances_.find(found->second.instance); at != instances_.end()) {
        queues_.at(at->second.model).begin[at->second.shape.tier].add(now - found->second.since);
    }
}

std::vector<decision> queue_policy::instance_changed(instance_id which, presence state, core::reason reason,
                                                     core::steady_time now) {
    std::vector<decision> out;
    const auto found = instances_.find(which);
    if (found == instances_.end()) {
        return out;
    }
    instance& of = found->second;
    queue& on = queues_.at(of.model);
    if (of.state == presence::loading && state == presence::ready) {
        on.load[of.shape.tier].add(now - of.since);
    }
    if (of.state != state) {
        of.since = now;
    }
    of.state = state;
    of.reason = std::move(reason);
    if (state != presence::ready) {
        of.kept = {};  // its process will hold nothing
    }
    if (state == presence::absent) {
        of.was_ready = false;
    } else if (state == presence::ready && !of.was_ready) {
        // A further instance begins no new time slice of its model, nor does what stands by for it.
        const auto beside = [&](instance_id other) {
            const instance& one = instances_.at(other);
            return one.was_ready && one.shape.tier <= of.shape.tier;
        };
        const bool first = std::none_of(on.instances.begin(), on.instances.end(), beside);
        of.was_ready = true;
        if (first) {
            on.slice.began(mark(now));
        }
    }
    if (const core::reason* why = broken_reason(on)) {
        refuse_waiting(on, verdict::broken, *why, out);
    } else {
        grant_next(on, now, out);
    }
    return out;
}

std::vector<decision> queue_policy::withhold(instance_id which, bool is, core::steady_time now) {
    std::vector<decision> out;
    const auto found = instances_.find(which);
    if (found == instances_.end() || found->second.withheld == is) {
        return out;
    }
    found->second.withheld = is;
    grant_next(queues_.at(found->second.model), now, out);
    return out;
}

std::vector<decision> queue_policy::serve_by(const std::string& model, unsigned tier, core::steady_time now) {
    std::vector<decision> out;
    const auto found = queues_.find(model);
    if (found != queues_.end()) {
        found->second.tier = tier;
        grant_next(found->second, now, out);
    }
    return out;
}

std::vector<decision> queue_policy::suspend(const std::string& model, core::reason reason) {
    std::vector<decision> out;
    const auto found = queues_.find(model);
    if (found != queues_.end()) {
        found->second.suspended = std::move(reason);
        refuse_waiting(found->second, verdict::suspended, *found->second.suspended, out);
    }
    return out;
}

std::vector<decision> queue_policy::resume(const std::string& model, core::steady_time now) {
    std::vector<decision> out;
    const auto found = queues_.find(model);
    if (found != queues_.end()) {
        found->second.suspended.reset();
        grant_next(found->second, now, out);
    }
    return out;
}

std::vector<decision> queue_policy::refuse_for_memory(const std::string& model, const core::reason& reason) {
    std::vector<decision> out;
    const auto found = queues_.find(model);
    if (found != queues_.end()) {
        refuse_waiting(found->second, verdict::no_memory, reason, out);
    }
    return out;
}

std::vector<decision> queue_policy::refuse_new() {
    closed_ = true;
    std::vector<decision> out;
    for (auto& [model, on] : queues_) {
        refuse_waiting(on, verdict::shutting_down, {}, out);
    }
    return out;
}

void queue_policy::grant_next(queue& on, core::steady_time now, std::vector<decision>& out) {
    if (closed_ || on.suspended) {
        return;
    }
    for (auto next = choose(on, now); next; next = choose(on, now)) {
        on.ring.take(next->ticket);
        const pending who = waiting_.at(next->ticket);
        forget(on, next->ticket);
        const moment when = mark(now);
        instance& at = instances_.at(next->at);
        at.last_used = when.order;
        if (at.kept.delays) {
            on.ring.use_up_passes();  // they have waited for an idle instance, and do so once
        }
        holds_.granted(at.kept, who.client, next->held > 0, now);
        on.slice.granted(when);
        granted_.emplace(next->ticket, grant{next->at, now, who.client, who.yields});
        out.push_back(decision{next->ticket, verdict::granted, {}, {}, next->at});
    }
}

// Who is next, and where; nothing: nobody waits, no place is free, or those that are free are kept for a moment.
std::optional<queue_policy::choice> queue_policy::choose(queue& on, core::steady_time now) {
    constexpr std::size_t most_asked = 8;
    const std::vector<ticket_id> tickets = on.ring.takeable(held_ ? most_asked : 1);
    if (tickets.empty()) {
        return std::nullopt;
    }
    const auto free = free_instances(on);
    if (std::optional<choice> there = going_on(tickets, free)) {
        return there;
    }
    for (const auto& [load, one] : free) {
        kept_place& kept = instances_.at(one).kept;
        const bool asks_otherwise = std::ranges::any_of(
            tickets, [&](ticket_id each) { return waiting_.at(each).client == kept.client; });
        if (asks_otherwise || !on.ring.may_be_passed() || !kept.holds(now, on.ring.size())) {
            return choice{tickets.front(), one, 0};
        }
        kept.delays = true;
    }
    return std::nullopt;
}

// The ticket with the longest beginning that a free instance holds, unless others have clearly less to do: what is
// saved is worth one lease beside.
std::optional<queue_policy::choice> queue_policy::going_on(
    const std::vector<ticket_id>& tickets,
    const std::vector<std::pair<std::size_t, instance_id>>& free) const {
    if (!held_) {
        return std::nullopt;
    }
    std::optional<choice> best;
    for (const ticket_id ticket : tickets) {
        for (const auto& [load, one] : free) {
            if (load > free.front().first + 1) {
                break;
            }
            const std::size_t held = held_(ticket, one);
            if (held > (best ? best->held : 0)) {
                best = choice{ticket, one, held};
            }
        }
    }
    return best;
}

std::vector<decision> queue_policy::look(core::steady_time now) {
    std::vector<decision> out;
    for (auto& [model, on] : queues_) {
        if (on.ring.size() > 0) {
            grant_next(on, now, out);
        }
    }
    return out;
}

std::optional<core::steady_time> queue_policy::next_hold_end(core::steady_time now) const {
    std::optional<core::steady_time> first;
    for (const auto& [id, each] : instances_) {
        const auto found = queues_.find(each.model);
        if (each.kept.open(now) && found != queues_.end() && found->second.ring.size() > 0 &&
            (!first || *each.kept.until < *first)) {
            first = each.kept.until;
        }
    }
    return first;
}

void queue_policy::refuse_waiting(queue& on, verdict why, const core::reason& reason,
                                  std::vector<decision>& out) {
    for (const ticket_id id : on.ring.take_all()) {
        forget(on, id);
        out.push_back(decision{id, why, reason, {}, {}});
    }
}

void queue_policy::forget(queue& on, ticket_id ticket) {
    const auto found = waiting_.find(ticket);
    on.arrivals.erase(found->second.order);
    shares_.remove(found->second.client, found->second.order);
    waiting_.erase(found);
}

// With what they have to do; the one to be given first comes first.
std::vector<std::pair<std::size_t, instance_id>> queue_policy::free_instances(const queue& on) const {
    std::vector<std::pair<std::size_t, instance_id>> out;
    for (const instance_id one : on.instances) {
        const instance& of = instances_.at(one);
        if (of.state == presence::ready && serves(on, of) && has_place(one, of)) {
            out.emplace_back(std::max(leases_beside(of), leases(one)), one);
        }
    }
    const auto idle_longer = [this](const auto& one, const auto& other) {
        return std::pair(one.first, instances_.at(one.second).last_used) <
               std::pair(other.first, instances_.at(other.second).last_used);
    };
    std::stable_sort(out.begin(), out.end(), idle_longer);
    return out;
}

// On the busiest of its cards, whatever the model.
std::size_t queue_policy::leases_beside(const instance& of) const {
    std::size_t most = 0;
    for (const unsigned card : of.cards) {
        std::size_t there = 0;
        for (const auto& [id, each] : instances_) {
            const bool on_it = std::find(each.cards.begin(), each.cards.end(), card) != each.cards.end();
            there += on_it ? leases(id) : 0;
        }
        most = std::max(most, there);
    }
    return most;
}

// The first one's; nullptr: not all are broken.
const core::reason* queue_policy::broken_reason(const queue& on) const {
    const bool all = !on.instances.empty() &&
                     std::all_of(on.instances.begin(), on.instances.end(), [this](instance_id one) {
                         return instances_.at(one).state == presence::broken;
                     });
    return all ? &instances_.at(on.instances.front()).reason : nullptr;
}

}  // namespace corral::scheduler
