#pragma once
// Decides who is granted and who is refused. Owns no timer, no coroutine and no backend: events in, decisions
// out.
//
// A ticket lives like this; every arrow out of `waiting` is told once, in a decision or by the asker's own
// cancel():
//
//   arrive ──▶ waiting ──▶ granted ──release()──▶ over
//      │          └──────▶ refused (broken, suspended, removed, no room, shutting down) or cancelled
//      └─────▶ refused (unknown model, full, broken, suspended, shutting down)

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "corral/core/time.hpp"
#include "scheduler/client_ring.hpp"
#include "scheduler/conversation_hold.hpp"
#include "scheduler/residency_policy.hpp"
#include "scheduler/service_time.hpp"
#include "scheduler/time_slice_policy.hpp"

namespace corral::scheduler {

using instance_id = core::strong_id<struct instance_tag>;

enum class verdict {
    granted,
    queue_full,
    unknown_model,
    broken,
    shutting_down,
    suspended,
    removed,
    no_memory,
    too_late
};

// What an instance is beside its state.
struct instance_shape {
    unsigned capacity = 1;  // leases at once, at least 1
    unsigned tier = 0;      // it is granted only while its queue is served by that one
};

struct decision {
    ticket_id ticket;
    verdict what = verdict::granted;
    core::reason reason;                       // of a broken or suspended model, or why there is no room
    std::optional<core::seconds> retry_after;  // with queue_full and too_late: the wait of this client
    instance_id instance{};                    // with granted
};

struct arrival {
    ticket_id ticket;  // new in every arrival
    std::string client;
    std::string model;
    bool readmission = false;
    bool behind = false;  // as admission_request::behind
    priority_level level = priority_level::interactive;
    core::deadline until{};  // of its turn
    bool yields = false;     // as admission_request::yields
};

// Where a waiting ticket stands, or one that would come now.
struct standing {
    std::size_t ahead = 0;                  // tickets that run before it, the running ones included
    std::optional<core::seconds> estimate;  // until its turn; unknown before anything was measured
};

// Order of service: people before jobs, which age (priority_ring); within a client by arrival, readmissions first;
// between clients in turn, one ticket each a round (client_ring). So a place is known for those who wait now, and others
// may come between later. Of several instances with a place free the one serves on whose cards, or on which itself, the
// fewest leases run, then the one that has been idle for longest.
//
// A ticket whose prompt an instance holds the beginning of goes there, and before others, as far as the bounds of the
// ring allow: nobody is passed more often between two turns than by newcomers, once. An instance is kept for its
// conversation for a moment where that saves more than it costs those who wait (conversation_hold): another client
// waits so long longer, and once at most.
class queue_policy {
public:
    // At most `max_waiting` tickets wait, over all queues; readmissions come on top. Beyond it the newest ticket
    // of the client that has the most waiting is refused; the arrival itself where its client would have as
    // many.
    explicit queue_policy(std::size_t max_waiting) : max_waiting_(max_waiting) {}

    // A queue begins without instances. Its name must be new.
    void add_queue(const std::string& model);
    // Refuses all that wait there; who was granted an instance still gives it back.
    [[nodiscard]] std::vector<decision> remove_queue(const std::string& model);
    // Other backends have the queue from now on: it has no instances and nothing measured, but those who wait
    // there go on waiting.
    void renew_queue(const std::string& model);
    // An instance begins as unloaded. `instance` is new in every call; no effect without its queue.
    void add_instance(const std::string& model, instance_id instance, std::vector<unsigned> cards,
                      core::steady_time now, instance_shape shape = {});
    // Who was granted it still gives it back.
    void remove_instance(instance_id instance);
    void set_max_waiting(std::size_t most) noexcept { max_waiting_ = most; }
    // How many bytes of the waiting ticket's prompt the instance holds computed. Asked of a few at each turn; must not
    // call back.
    using held_prefix = std::function<std::size_t(ticket_id, instance_id)>;
    void ask_held(held_prefix ask) { held_ = std::move(ask); }
    // What the next turn of its last conversation would be spared there. Asked as a lease ends; must not call back.
    using held_saving = std::function<core::nanoseconds(instance_id)>;
    void ask_saving(held_saving ask) { saving_ = std::move(ask); }
    // How long an instance is kept for the conversation that it has just had, at most; 0: never.
    void set_hold(core::nanoseconds longest) noexcept { holds_.set_longest(longest); }
    // What time alone changes: a hold is over.
    [[nodiscard]] std::vector<decision> look(core::steady_time now);
    // When it will; nothing: none is, or nobody waits.
    [[nodiscard]] std::optional<core::steady_time> next_hold_end(core::steady_time now) const;

    [[nodiscard]] std::vector<decision> arrive(const arrival& who, core::steady_time now);
    // The asker of a waiting ticket has gone. False: it does not wait (any more).
    bool cancel(ticket_id ticket);
    // The holder of a granted ticket gives it back.
    [[nodiscard]] std::vector<decision> release(ticket_id ticket, core::steady_time now);
    // The holder of a granted ticket that yields can from now on, for estimates.
    void note_text(ticket_id ticket, core::steady_time now);
    // What is not `ready` keeps tickets waiting; a model whose instances are all `broken` refuses them.
    [[nodiscard]] std::vector<decision> instance_changed(instance_id instance, presence state,
                                                         core::reason reason, core::steady_time now);
    // From now on the instance gets nothing more to do, or something again.
    [[nodiscard]] std::vector<decision> withhold(instance_id instance, bool is, core::steady_time now);
    // From now on that tier serves the queue, which began with 0. Those who wait go on waiting, for that one;
    // running leases go on where they are.
    [[nodiscard]] std::vector<decision> serve_by(const std::string& model, unsigned tier,
                                                 core::steady_time now);
    // By a person: refuses all that wait and come, until resume().
    [[nodiscard]] std::vector<decision> suspend(const std::string& model, core::reason reason);
    [[nodiscard]] std::vector<decision> resume(const std::string& model, core::steady_time now);
    // Refuses all that wait, as there is no room for the model.
    [[nodiscard]] std::vector<decision> refuse_for_memory(const std::string& model,
                                                          const core::reason& reason);
    // Refuses all that wait and all that come.
    [[nodiscard]] std::vector<decision> refuse_new();
    [[nodiscard]] bool closed() const noexcept { return closed_; }
    // A moment after all that were told so far.
    [[nodiscard]] moment mark(core::steady_time now) noexcept { return {++order_, now}; }
    // The model was unloaded to make room.
    void end_slice(const std::string& model, core::steady_time now);
    // What is left until there is room to load the model, for estimates; nothing: not known.
    void set_memory_delay(const std::string& model, std::optional<core::nanoseconds> delay);

    // The instance is busy with an answer that nobody wants until about then, for estimates; nothing: it is not.
    void set_clearing(instance_id instance, std::optional<core::steady_time> until);

    // Nothing when it does not wait.
    [[nodiscard]] std::optional<standing> standing_of(ticket_id ticket, core::steady_time now) const;
    // The same of a ticket that came now, of a client that has none waiting; with 0 s it would be served at once.
    [[nodiscard]] std::optional<standing> standing_now(const std::string& model, core::steady_time now) const;
    // Leases that the model may have at once, by what is ready or on its way; at least 1.
    [[nodiscard]] std::size_t places(const std::string& model) const;
    // Until the turn of a ticket that came now, of a client that has none waiting: whole seconds, rounded up,
    // 0 when it would be served at once. With several queues the longest of those that are loaded or loading;
    // if none is, of those that are unloaded.
    [[nodiscard]] std::optional<core::seconds> estimate_now(core::steady_time now) const;
    // Until the running one and at most `further` of those who wait for the model are served.
    [[nodiscard]] std::optional<core::nanoseconds> until_drained(const std::string& model,
                                                                 std::size_t further,
                                                                 core::steady_time now) const;
    // What a load of the model usually takes, or nothing.
    [[nodiscard]] std::optional<core::nanoseconds> usual_load(const std::string& model) const;

    [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.size(); }
    [[nodiscard]] std::size_t running() const noexcept { return granted_.size(); }
    // In that queue; 0 when there is none.
    [[nodiscard]] std::size_t waiting_for(const std::string& model) const;
    // Any of them is none of a job.
    [[nodiscard]] bool people_wait_for(const std::string& model) const;
    // When the oldest of those came.
    [[nodiscard]] std::optional<moment> oldest_of(const std::string& model) const;
    // The tier that serves it.
    [[nodiscard]] unsigned tier_of(const std::string& model) const;
    [[nodiscard]] bool suspended(const std::string& model) const;
    // Running on that instance, also after its removal.
    [[nodiscard]] std::size_t leases(instance_id instance) const noexcept;
    // nullptr: no such queue.
    [[nodiscard]] const time_slice* slice_of(const std::string& model) const;
    // A place on it is free, and nothing keeps it from being granted once it is ready.
    [[nodiscard]] bool is_free(instance_id instance) const;
    // The order in which instances were last granted or given back; 0: never.
    [[nodiscard]] std::uint64_t last_used(instance_id instance) const;

private:
    struct instance {
        std::string model;
        std::vector<unsigned> cards;
        presence state = presence::absent;
        core::steady_time since{};  // of the state
        core::reason reason;
        instance_shape shape;
        bool withheld = false;
        bool was_ready = false;  // since it was loaded
        std::uint64_t last_used = 0;
        std::optional<core::steady_time> clears_at;
        kept_place kept;
    };
    struct queue {
        priority_ring ring;
        std::vector<instance_id> instances;
        std::map<std::uint64_t, core::steady_time> arrivals;  // by order, of those who wait
        std::optional<core::reason> suspended;
        std::optional<core::nanoseconds> memory_delay{core::nanoseconds{0}};
        std::map<unsigned, service_time> held;   // of each tier
        std::map<unsigned, service_time> begin;  // of those that yield, until they could
        std::map<unsigned, service_time> load;
        unsigned tier = 0;  // that serves
        time_slice slice;
    };
    struct pending {
        std::string model;
        std::string client;
        std::uint64_t order = 0;
        priority_level level = priority_level::interactive;
        bool yields = false;
    };
    struct grant {
        instance_id instance;
        core::steady_time since;
        std::string client;
        bool yields = false;
        bool begun = false;
    };
    struct choice {
        ticket_id ticket;
        instance_id at;
        std::size_t held = 0;  // of its prompt
    };
    // One place becomes free for `who`, in a full room. False: it has to be refused itself.
    [[nodiscard]] bool make_place(const arrival& who, core::steady_time now, std::vector<decision>& out);
    // Its turn comes after its deadline, as far as that is known: its estimate.
    [[nodiscard]] std::optional<core::seconds> too_late(const queue& on, const arrival& who,
                                                        core::steady_time now) const;
    [[nodiscard]] core::seconds own_wait(const queue& on, std::size_t ahead, priority_level level,
                                         core::steady_time now) const;
    void grant_next(queue& on, core::steady_time now, std::vector<decision>& out);
    void refuse_waiting(queue& on, verdict why, const core::reason& reason, std::vector<decision>& out);
    void forget(queue& on, ticket_id ticket);
    [[nodiscard]] std::vector<std::pair<std::size_t, instance_id>> free_instances(const queue& on) const;
    [[nodiscard]] std::optional<choice> choose(queue& on, core::steady_time now);
    [[nodiscard]] std::optional<choice> going_on(
        const std::vector<ticket_id>& tickets,
        const std::vector<std::pair<std::size_t, instance_id>>& free) const;
    [[nodiscard]] bool has_place(instance_id which, const instance& of) const noexcept {
        return !of.withheld && leases(which) < of.shape.capacity;
    }
    [[nodiscard]] bool serves(const queue& on, const instance& of) const noexcept {
        return of.shape.tier == on.tier;
    }
    [[nodiscard]] std::size_t leases_beside(const instance& of) const;
    [[nodiscard]] const core::reason* broken_reason(const queue& on) const;
    [[nodiscard]] bool any_instance(const queue& on, presence a, presence b) const;
    // Leases on the tier that serves.
    [[nodiscard]] std::size_t leases_on(const queue& on) const;
    // Places that serve the queue or are about to; at least 1.
    [[nodiscard]] std::size_t servers(const queue& on) const;
    [[nodiscard]] static std::optional<core::nanoseconds> mean_of(const std::map<unsigned, service_time>& of,
                                                                  unsigned tier);
    // Time until `ahead` waiting tickets and the holders are served by instances that are ready by then. For a person
    // those that yield count as over, but for the time until their text begins.
    [[nodiscard]] std::optional<core::nanoseconds> until_turn(const queue& on, std::size_t ahead,
                                                              priority_level level,
                                                              core::steady_time now) const;
    [[nodiscard]] std::optional<core::nanoseconds> until_ready(const queue& on, core::steady_time now) const;

    std::size_t max_waiting_;
    std::map<std::string, queue> queues_;
    std::unordered_map<instance_id, instance> instances_;
    std::unordered_map<ticket_id, pending> waiting_;
    std::unordered_map<ticket_id, grant> granted_;
    held_prefix held_;
    held_saving saving_;
    conversation_hold holds_;
    client_shares shares_;  // of the waiting ones that can be refused for want of a place
    std::uint64_t order_ = 0;
    bool closed_ = false;
};

}  // namespace corral::scheduler
