#include "scheduler/client_ring.hpp"

#include <algorithm>

namespace corral::scheduler {

void client_ring::add(const std::string& client, ticket_id id, bool first) {
    auto place =
        std::find_if(round_.begin(), round_.end(), [&](const line& l) { return l.client == client; });
    if (place == round_.end()) {
        place = round_.insert(round_.end(), line{client, {}, {}});
    }
    (first ? place->first : place->normal).push_back(id);
    ++size_;
}

bool client_ring::remove(ticket_id id) {
    for (auto place = round_.begin(); place != round_.end(); ++place) {
        const auto gone = std::erase(place->first, id) + std::erase(place->normal, id);
        if (gone == 0) {
            continue;
        }
        size_ -= gone;
        if (place->empty()) {
            round_.erase(place);
        }
        return true;
    }
    return false;
}

std::optional<ticket_id> client_ring::take() {
    if (round_.empty()) {
        return std::nullopt;
    }
    line& served = round_.front();
    std::deque<ticket_id>& from = served.first.empty() ? served.normal : served.first;
    const ticket_id id = from.front();
    from.pop_front();
    --size_;
    if (served.empty()) {
        round_.pop_front();
    } else {
        round_.splice(round_.end(), round_, round_.begin());
    }
    return id;
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

// With `place` others before it in its own line, a ticket waits for as many whole rounds, and in the last one
// for the clients whose turn comes before.
std::size_t client_ring::ahead(std::list<line>::const_iterator own, std::size_t place) const {
    std::size_t out = place;
    bool before = true;
    for (auto other = round_.begin(); other != round_.end(); ++other) {
        before = before && other != own;
        if (other != own) {
            out += std::min(other->size(), place + (before ? 1 : 0));
        }
    }
    return out;
}

std::optional<std::size_t> client_ring::ahead_of(ticket_id id) const {
    for (auto own = round_.begin(); own != round_.end(); ++own) {
        if (const std::optional<std::size_t> place = own->find(id)) {
            return ahead(own, *place);
        }
    }
    return std::nullopt;
}

std::size_t client_ring::ahead_of_next(const std::string& client) const {
    const auto own =
        std::find_if(round_.begin(), round_.end(), [&](const line& l) { return l.client == client; });
    return ahead(own, own == round_.end() ? 0 : own->size());
}

std::vector<ticket_id> client_ring::take_all() {
    std::vector<ticket_id> all;
    all.reserve(size_);
    while (const auto id = take()) {
        all.push_back(*id);
    }
    return all;
}

}  // namespace corral::scheduler
