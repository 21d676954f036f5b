#pragma once
// The waiting tickets of one backend: first come first served within a client, clients in turn. A newcomer goes before
// the clients served more recently than itself, so that one request at a time gets as many turns as hundreds; each of
// them is passed once between two of its turns, so that ever new clients starve nobody. One put behind comes when all
// that waited with it have gone, and before all that came later.

#include <cstdint>
#include <deque>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "corral/core/strong_id.hpp"

namespace corral::scheduler {

using ticket_id = core::strong_id<struct ticket_tag>;

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

}  // namespace corral::scheduler
