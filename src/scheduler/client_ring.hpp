#pragma once
// Whose turn it is among those that wait, and how many places of the waiting room each client holds.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "corral/core/strong_id.hpp"

namespace corral::scheduler {

using ticket_id = core::strong_id<struct ticket_tag>;

// The waiting tickets of one backend: first come first served within a client, clients in turn. A newcomer goes before
// the clients served more recently than itself, so that one request at a time gets as many turns as hundreds; each of
// them is passed once between two of its turns, so that ever new clients starve nobody. One put behind comes when all
// that waited with it have gone, and before all that came later.
class client_ring {
public:
    // With `first` the ticket goes before the client's other ones, but behind earlier ones that were put first too.
    void add(const std::string& client, ticket_id id, bool first);
    void add_behind(ticket_id id);
    // False when it does not wait here.
    bool remove(ticket_id id);
    // The next one in turn; its client goes to the end of the round.
    [[nodiscard]] std::optional<ticket_id> take();
    // Those that may be taken now, at most `most`, first the next one in turn. The others are the next ones of clients
    // whose turn comes soon, as long as none before them has been passed since its last turn: taking one passes all
    // that stand before it, so nobody is passed more often than by newcomers.
    [[nodiscard]] std::vector<ticket_id> takeable(std::size_t most) const;
    // One of these.
    void take(ticket_id one_of_these);
    // All that wait have been passed, as if by newcomers.
    void use_up_passes() noexcept;
    // Each of those that wait may still be passed once.
    [[nodiscard]] bool may_be_passed() const noexcept;
    // How many take() gives before `id` if nobody else comes; nothing when it does not wait here.
    [[nodiscard]] std::optional<std::size_t> ahead_of(ticket_id id) const;
    // The same for a ticket that `client` added now.
    [[nodiscard]] std::size_t ahead_of_next(const std::string& client) const;
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
    struct line {
        std::string client;
        std::deque<ticket_id> first;
        std::deque<ticket_id> normal;
        std::uint64_t served = 0;  // its last turn; 0: none, or forgotten
        bool passed = false;       // by a newcomer, since then
        [[nodiscard]] bool empty() const noexcept { return size() == 0; }
        [[nodiscard]] std::size_t size() const noexcept { return first.size() + normal.size(); }
        [[nodiscard]] ticket_id next() const { return (!first.empty() ? first : normal).front(); }
        // Its place in the line, from 0.
        [[nodiscard]] std::optional<std::size_t> find(ticket_id id) const;
    };
    struct last_one {
        ticket_id id;
        std::unordered_set<ticket_id> before;  // those that waited when it came, and still do
    };
    using place = std::list<line>::const_iterator;
    [[nodiscard]] place newcomer_place(const std::string& client) const;
    [[nodiscard]] std::uint64_t last_turn_of(const std::string& client) const;
    void note_turn(line& of);
    [[nodiscard]] std::size_t ahead(place own, std::size_t of_its_line) const;
    [[nodiscard]] std::list<line>::iterator line_of(const std::string& client);
    void left(ticket_id id);
    [[nodiscard]] bool last_one_is_due() const noexcept {
        return !behind_.empty() && behind_.front().before.empty();
    }
    void serve(std::list<line>::iterator served);

    std::list<line> round_;        // front: whose turn it is; a line is never empty
    std::deque<last_one> behind_;  // in the order of their coming
    std::size_t size_ = 0;
    std::uint64_t turns_ = 0;
    std::unordered_map<std::string, std::uint64_t> last_turns_;  // of the last 256 turns at least
};

// The waiting tickets of one backend by their priority: those that a person waits for before those of jobs. Each class
// is a client_ring of its own. Jobs age: after `most_overtakes` turns of people one of a job comes, so that the n-th job
// in line has its turn after at most n * most_overtakes others.
enum class priority_level { interactive, batch };

class priority_ring {
public:
    static constexpr std::size_t most_overtakes = 8;

    // As client_ring::add(), within its class.
    void add(priority_level level, const std::string& client, ticket_id id, bool first) {
        ring_of(level).add(client, id, first);
    }
    // All that wait now go before it, of the other class as the rule says.
    void add_behind(priority_level level, ticket_id id) { ring_of(level).add_behind(id); }
    // False when it does not wait here.
    bool remove(ticket_id id) { return people_.remove(id) || jobs_.remove(id); }
    // Those that may be taken now, as client_ring::takeable(), of the class whose turn it is.
    [[nodiscard]] std::vector<ticket_id> takeable(std::size_t most) const { return next().takeable(most); }
    // One of these.
    void take(ticket_id one_of_these);
    void use_up_passes() noexcept {
        people_.use_up_passes();
        jobs_.use_up_passes();
    }
    [[nodiscard]] bool may_be_passed() const noexcept { return next().may_be_passed(); }
    // How many are taken before `id` if nobody else comes; nothing when it does not wait here.
    [[nodiscard]] std::optional<std::size_t> ahead_of(ticket_id id) const;
    // The same for a ticket that `client` added now; a client that has none waiting and had no turn yet is "".
    [[nodiscard]] std::size_t ahead_of_next(priority_level level, const std::string& client) const;
    // Everything, in the order in which a single server would have taken it.
    [[nodiscard]] std::vector<ticket_id> take_all();
    [[nodiscard]] bool people_wait() const noexcept { return people_.size() > 0; }
    [[nodiscard]] std::size_t size() const noexcept { return people_.size() + jobs_.size(); }

private:
    [[nodiscard]] bool is_turn_of_jobs() const noexcept {
        return people_.size() == 0 || (jobs_.size() > 0 && overtakes_ >= most_overtakes);
    }
    [[nodiscard]] const client_ring& next() const noexcept { return is_turn_of_jobs() ? jobs_ : people_; }
    [[nodiscard]] client_ring& ring_of(priority_level level) noexcept {
        return level == priority_level::batch ? jobs_ : people_;
    }
    [[nodiscard]] std::size_t with_the_others(priority_level level, std::size_t ahead) const noexcept;

    client_ring people_;
    client_ring jobs_;
    std::size_t overtakes_ = 0;  // turns of people since jobs wait, or since the last turn of one
};

// How many places of the waiting room each client holds, over all queues. When the room is full the client
// with the most of them yields one to a client with fewer.
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
