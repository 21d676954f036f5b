#pragma once
// Decides who is granted and who is refused. Owns no timer, no coroutine and no backend: events in, decisions
// out.
//
// A ticket lives like this; every arrow out of `waiting` is told once, in a decision or by the asker's own
// cancel():
//
//   arrive ──▶ waiting ──▶ granted ──release()──▶ over
//      │          └──────▶ refused (broken, shutting down) or cancelled
//      └─────▶ refused (unknown model, full, broken, shutting down)

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

// What a lane's backend can do now. `loading` keeps its tickets waiting, `broken` refuses them.
enum class lane_state { loading, ready, broken };

enum class verdict { granted, queue_full, unknown_model, broken, shutting_down };

struct decision {
    ticket_id ticket;
    verdict what = verdict::granted;
    std::string reason;                        // of a broken backend
    std::optional<core::seconds> retry_after;  // with queue_full
};

struct arrival {
    ticket_id ticket;  // new in every arrival
    std::string client;
    std::string model;
    bool readmission = false;
};

class queue_policy {
public:
    // At most `max_waiting` tickets wait, over all lanes; readmissions come on top.
    explicit queue_policy(std::size_t max_waiting) : max_waiting_(max_waiting) {}

    // A lane begins as loading. Its name must be new.
    void add_lane(const std::string& model);

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

    [[nodiscard]] std::size_t waiting() const noexcept { return waiting_; }
    [[nodiscard]] std::size_t running() const noexcept { return granted_.size(); }

private:
    struct lane {
        lane_state state = lane_state::loading;
        std::string reason;
        client_ring queue;
        std::optional<ticket_id> holder;
        service_time held;
    };
    struct grant {
        std::string model;
        core::steady_time since;
    };
    void grant_next(const std::string& model, lane& on, core::steady_time now, std::vector<decision>& out);
    void refuse_waiting(lane& on, verdict why, std::vector<decision>& out);

    std::size_t max_waiting_;
    std::map<std::string, lane> lanes_;
    std::unordered_map<ticket_id, grant> granted_;
    std::size_t waiting_ = 0;
    bool closed_ = false;
};

}  // namespace corral::scheduler
