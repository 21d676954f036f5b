#pragma once
// How many places of the waiting room each client holds, over all queues. When the room is full the client
// with the most of them yields one to a client with fewer.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "scheduler/client_ring.hpp"

namespace corral::scheduler {

class client_shares {
public:
    // `order` is of its arrival, and new in every call.
    void add(const std::string& client, std::uint64_t order, ticket_id id);
    // No effect where add() was not called.
    void remove(const std::string& client, std::uint64_t order);
    [[nodiscard]] std::size_t of(const std::string& client) const;
    // The ticket that makes room for one more of `client`: the newest of the client with the most places, where
    // that one keeps at least as many as `client` gets. Of two with as many, the one that came last yields.
    [[nodiscard]] std::optional<ticket_id> yields_to(const std::string& client) const;

private:
    using places = std::map<std::uint64_t, ticket_id>;   // by order of arrival
    using rank = std::pair<std::size_t, std::uint64_t>;  // places, and the order of the newest
    [[nodiscard]] static rank rank_of(const places& of) { return {of.size(), of.rbegin()->first}; }

    std::map<std::string, places> held_;  // never an empty one
    std::map<rank, const places*> ranked_;
};

}  // namespace corral::scheduler
