#pragma once
// Decides who is granted and who is refused. Owns no timer, no coroutine and no backend: events in, decisions
// out.
//
// A ticket lives like this; every arrow out of `waiting` is told once, in a decision or by the asker's own
// cancel():
//
//   arrive ──▶ waiting ──▶ granted ──release()──▶ over
//      │          └──────▶ refused (broken, barred, removed, shutting down) or cancelled
//      └─────▶ refused (unknown model, full, broken, barred, shutting down)

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "corral/core/time.hpp"
#include "scheduler/client_ring.hpp"
#include "scheduler/service_time.hpp"

namespace corral::scheduler {

// What a lane's backend can do now. `loading` and `unloaded` keep their tickets waiting, `broken` and
// `barred` (by a person) refuse them. `unloaded` is not on its way to be ready yet.
enum class lane_state { loading, ready, broken, unloaded, barred };

enum class verdict { granted, queue_full, unknown_model, broken, shutting_down, barred, removed };

struct decision {
    ticket_id ticket;
    verdict what = verdict::granted;
    std::string reason;                        // of a broken or barred lane
    std::optional<core::seconds> retry_after;  // with queue_full
};

struct arrival {
    ticket_id ticket;  // new in every arrival
    std::string client;
    std::string model;
    bool readmission = false;
};

// Where a waiting ticket stands, or one that would come now.
struct standing {
    std::size_t ahead = 0;                  // tickets that run before it, the running one included
    std::optional<core::seconds> estimate;  // until its turn; unknown before anything was measured
};

// Order of service: within a client by arrival, readmissions first; between clients in turn, one ticket each
// a round, a client that was not waiting at the end of the round. So a place is known for those who wait now,
// and others may come between later.
class queue_policy {
public:
    // At most `max_waiting` tickets wait, over all lanes; readmissions come on top.
    explicit queue_policy(std::size_t max_waiting) : max_waiting_(max_waiting) {}

    // A lane begins as unloaded. Its name must be new.
    void add_lane(const std::string& model);
    // Refuses all that wait there; who was granted the lane still gives it back.
    [[nodiscard]] std::vector<decision> remove_lane(const std::string& model);
    // Another backend has the lane from now on: as add_lane(), but those who wait there go on waiting.
    void renew_lane(const std::string& model, core::steady_time now);
    void set_max_waiting(std::size_t most) noexcept { max_waiting_ = most; }

    [[nodiscard]] std::vector<decision> arrive(const arrival& who, core::steady_time now);
    // The asker of a waiting ticket has gone. False: it does not wait (any more).
    bool cancel(ticket_id ticket);
    // The holder of a granted ticket gives it back.
    [[nodiscard]] std::vector<decision> release(ticket_id ticket, core::steady_time now);
    [[nodiscard]] std::vector<decision> lane_changed(const std::string& model, lane_state state,
                                                     std::string_view reason, core::steady_time now);
    // Refuses all that wait and all that come.
    [[nodiscard]] std::vector<decision> refuse_new();
    [[nodiscard]] bool closed() const noexcept { return closed_; }

    // Nothing when it does not wait.
    [[nodiscard]] std::optional<standing> standing_of(ticket_id ticket, core::steady_time now) const;
    // Until the turn of a ticket that came now, of a client that has none waiting: whole seconds, rounded up,
    // 0 when it would be served at once. With several lanes the longest of those that are loaded or loading;
    // if none is, of those that are unloaded.
    [[nodiscard]] std::optional<core::seconds> estimate_now(core::steady_time now) const;

    [[nodiscard]] std::size_t waiting() const noexcept { return waiting_; }
    // Tickets that wait for `model` although nobody holds its backend.
    [[nodiscard]] std::size_t waiting_for_free(const std::string& model) const;
    [[nodiscard]] std::size_t running() const noexcept { return granted_.size(); }
    // In that lane; 0 when there is none.
    [[nodiscard]] std::size_t waiting_for(const std::string& model) const;

private:
    struct lane {
        lane_state state = lane_state::unloaded;
        core::steady_time since{};  // of the state
        std::string reason;
        client_ring queue;
        std::optional<ticket_id> holder;
        service_time held;
        service_time load;
    };
    struct grant {
        std::string model;
        core::steady_time since;
    };
    void grant_next(const std::string& model, lane& on, core::steady_time now, std::vector<decision>& out);
    // Time until `ahead` waiting tickets and the holder are served on a backend that is ready by then.
    [[nodiscard]] std::optional<core::nanoseconds> until_turn(const lane& on, std::size_t ahead,
                                                              core::steady_time now) const;
    [[nodiscard]] static std::optional<core::nanoseconds> until_ready(const lane& on, core::steady_time now);
    void refuse_waiting(lane& on, verdict why, std::vector<decision>& out);

    std::size_t max_waiting_;
    std::map<std::string, lane> lanes_;
    std::unordered_map<ticket_id, grant> granted_;
    std::size_t waiting_ = 0;
    bool closed_ = false;
};

}  // namespace corral::scheduler
