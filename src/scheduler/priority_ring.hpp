#pragma once
// The waiting tickets of one backend by their priority: those that a person waits for before those of jobs. Each class
// is a client_ring of its own. Jobs age: after `most_overtakes` turns of people one of a job comes, so that the n-th job
// in line has its turn after at most n * most_overtakes others.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "scheduler/client_ring.hpp"

namespace corral::scheduler {

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

}  // namespace corral::scheduler
