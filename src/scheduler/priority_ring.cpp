#include "scheduler/priority_ring.hpp"

#include <algorithm>

namespace corral::scheduler {

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

}  // namespace corral::scheduler
