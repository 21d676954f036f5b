#include "scheduler/client_ring.hpp"

#include <algorithm>
#include <iterator>

namespace corral::scheduler {

namespace {

constexpr std::size_t remembered_turns = 256;

}  // namespace

std::uint64_t client_ring::last_turn_of(const std::string& client) const {
    const auto found = last_turns_.find(client);
    return found == last_turns_.end() ? 0 : found->second;
}

void client_ring::note_turn(line& of) {
    of.served = ++turns_;
    of.passed = false;
    last_turns_[of.client] = turns_;
    if (last_turns_.size() > 2 * remembered_turns) {
        std::erase_if(last_turns_,
                      [this](const auto& each) { return each.second + remembered_turns < turns_; });
    }
}

client_ring::place client_ring::newcomer_place(const std::string& client) const {
    const std::uint64_t served = last_turn_of(client);
    place at = round_.end();
    while (at != round_.begin() && std::prev(at)->served > served && !std::prev(at)->passed) {
        --at;
    }
    return at;
}

std::list<client_ring::line>::iterator client_ring::line_of(const std::string& client) {
    const auto found =
        std::find_if(round_.begin(), round_.end(), [&](const line& l) { return l.client == client; });
    if (found != round_.end()) {
        return found;
    }
    const auto fresh = round_.insert(newcomer_place(client), line{client, {}, {}, last_turn_of(client)});
    std::for_each(std::next(fresh), round_.end(), [](line& each) { each.passed = true; });
    return fresh;
}

void client_ring::add(const std::string& client, ticket_id id, bool first) {
    const auto own = line_of(client);
    (first ? own->first : own->normal).push_back(id);
    ++size_;
}

void client_ring::add_behind(ticket_id id) {
    last_one late{id, {}};
    for (const line& each : round_) {
        late.before.insert(each.first.begin(), each.first.end());
        late.before.insert(each.normal.begin(), each.normal.end());
    }
    for (const last_one& each : behind_) {
        late.before.insert(each.id);
    }
    behind_.push_back(std::move(late));
    ++size_;
}

void client_ring::left(ticket_id id) {
    --size_;
    for (last_one& each : behind_) {
        each.before.erase(id);
    }
}

bool client_ring::remove(ticket_id id) {
    if (std::erase_if(behind_, [id](const last_one& each) { return each.id == id; }) > 0) {
        left(id);
        return true;
    }
    for (auto place = round_.begin(); place != round_.end(); ++place) {
        if (std::erase(place->first, id) + std::erase(place->normal, id) == 0) {
            continue;
        }
        left(id);
        if (place->empty()) {
            round_.erase(place);
        }
        return true;
    }
    return false;
}

std::optional<ticket_id> client_ring::take() {
    const std::vector<ticket_id> next = takeable(1);
    if (next.empty()) {
        return std::nullopt;
    }
    take(next.front());
    return next.front();
}

std::vector<ticket_id> client_ring::takeable(std::size_t most) const {
    if (last_one_is_due()) {
        return {behind_.front().id};
    }
    std::vector<ticket_id> out;
    for (const line& each : round_) {
        if (out.size() == most) {
            break;
        }
        out.push_back(each.next());
        if (each.passed) {
            break;
        }
    }
    return out;
}

bool client_ring::may_be_passed() const noexcept {
    return !last_one_is_due() &&
           std::none_of(round_.begin(), round_.end(), [](const line& each) { return each.passed; });
}

void client_ring::use_up_passes() noexcept {
    std::for_each(round_.begin(), round_.end(), [](line& each) { each.passed = true; });
}

void client_ring::take(ticket_id one_of_these) {
    if (last_one_is_due()) {
        behind_.pop_front();
        left(one_of_these);
        return;
    }
    const auto found = std::find_if(round_.begin(), round_.end(),
                                    [&](const line& each) { return each.next() == one_of_these; });
    std::for_each(round_.begin(), found, [](line& each) { each.passed = true; });
    serve(found);
}

void client_ring::serve(std::list<line>::iterator served) {
    std::deque<ticket_id>& from = served->first.empty() ? served->normal : served->first;
    const ticket_id id = from.front();
    from.pop_front();
    left(id);
    note_turn(*served);
    if (served->empty()) {
        round_.erase(served);
    } else {
        round_.splice(round_.end(), round_, served);
    }
}

std::optional<std::size_t> client_ring::line::find(ticket_id id) const {
    std::size_t place = 0;
    for (const std::deque<ticket_id>* part : {&first, &normal}) {
        const auto found = std::find(part->begin(), part->end(), id);
        if (found != part->end()) {
            return place + static_cast<std::size_t>(found - part->begin());
        }
        place += part->size();
    }
    return std::nullopt;
}

// With `of_its_line` others before it in its own line, a ticket waits for as many whole rounds, and in the last one
// for the clients whose turn comes before.
std::size_t client_ring::ahead(place own, std::size_t of_its_line) const {
    std::size_t out = of_its_line;
    bool before = true;
    for (place other = round_.begin(); other != round_.end(); ++other) {
        before = before && other != own;
        if (other != own) {
            out += std::min(other->size(), of_its_line + (before ? 1 : 0));
        }
    }
    return out;
}

std::optional<std::size_t> client_ring::ahead_of(ticket_id id) const {
    std::size_t later = 0;  // put behind, but not behind this one
    for (const last_one& each : behind_) {
        if (each.id == id) {
            return each.before.size();
        }
        later += each.before.contains(id) ? 0 : 1;
    }
    for (auto own = round_.begin(); own != round_.end(); ++own) {
        if (const std::optional<std::size_t> place = own->find(id)) {
            return ahead(own, *place) + later;
        }
    }
    return std::nullopt;
}

std::size_t client_ring::ahead_of_next(const std::string& client) const {
    const auto own =
        std::find_if(round_.begin(), round_.end(), [&](const line& l) { return l.client == client; });
    if (own != round_.end()) {
        return ahead(own, own->size()) + behind_.size();
    }
    return static_cast<std::size_t>(std::distance(round_.begin(), newcomer_place(client))) + behind_.size();
}

void priority_ring::take(ticket_id one_of_these) {
    if (is_turn_of_jobs()) {
        jobs_.take(one_of_these);
        overtakes_ = 0;
        return;
    }
    people_.take(one_of_these);
    overtakes_ = jobs_.size() == 0 ? 0 : overtakes_ + 1;
}

// `ahead` of its own class, and what comes in between of the other.
std::size_t priority_ring::with_the_others(priority_level level, std::size_t ahead) const noexcept {
    const std::size_t overtaken = std::min(overtakes_, most_overtakes);
    if (level == priority_level::interactive) {
        return ahead + std::min(jobs_.size(), (overtaken + ahead) / most_overtakes);
    }
    return ahead + std::min(people_.size(), (ahead + 1) * most_overtakes - overtaken);
}

std::optional<std::size_t> priority_ring::ahead_of(ticket_id id) const {
    if (const auto ahead = people_.ahead_of(id)) {
        return with_the_others(priority_level::interactive, *ahead);
    }
    const auto ahead = jobs_.ahead_of(id);
    return ahead ? std::optional(with_the_others(priority_level::batch, *ahead)) : std::nullopt;
}

std::size_t priority_ring::ahead_of_next(priority_level level, const std::string& client) const {
    const client_ring& own = level == priority_level::batch ? jobs_ : people_;
    return with_the_others(level, own.ahead_of_next(client));
}

std::vector<ticket_id> priority_ring::take_all() {
    std::vector<ticket_id> all;
    all.reserve(size());
    while (size() > 0) {
        const ticket_id id = takeable(1).front();
        take(id);
        all.push_back(id);
    }
    return all;
}

void client_shares::add(const std::string& client, std::uint64_t order, ticket_id id) {
    places& own = held_[client];
    if (!own.empty()) {
        ranked_.erase(rank_of(own));
    }
    own.emplace(order, id);
    ranked_.emplace(rank_of(own), &own);
}

void client_shares::remove(const std::string& client, std::uint64_t order) {
    const auto found = held_.find(client);
    if (found == held_.end() || !found->second.contains(order)) {
        return;
    }
    places& own = found->second;
    ranked_.erase(rank_of(own));
    own.erase(order);
    if (own.empty()) {
        held_.erase(found);
    } else {
        ranked_.emplace(rank_of(own), &own);
    }
}

std::size_t client_shares::of(const std::string& client) const {
    const auto found = held_.find(client);
    return found == held_.end() ? 0 : found->second.size();
}

std::optional<ticket_id> client_shares::yields_to(const std::string& client) const {
    if (ranked_.empty()) {
        return std::nullopt;
    }
    const places& most = *ranked_.rbegin()->second;
    return most.size() > of(client) + 1 ? std::optional(most.rbegin()->second) : std::nullopt;
}

}  // namespace corral::scheduler
