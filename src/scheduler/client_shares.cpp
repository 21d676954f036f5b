#include "scheduler/client_shares.hpp"

namespace corral::scheduler {

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
