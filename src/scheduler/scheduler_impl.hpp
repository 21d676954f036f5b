#pragma once
// What the parts of the scheduler share: scheduler.cpp (requests and leases), scheduler_models.cpp (models
// that come and go), scheduler_residence.cpp (how long they stay), scheduler_room.cpp (who is loaded where)
// and scheduler_tiers.cpp (which tier serves).

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "corral/core/wake_signal.hpp"
#include "corral/scheduler/scheduler.hpp"
#include "scheduler/arrangement_policy.hpp"
#include "scheduler/queue_policy.hpp"
#include "scheduler/residency_runner.hpp"
#include "scheduler/tier_policy.hpp"

namespace corral::scheduler {

struct scheduler::impl {
    // A backend while the scheduler knows it, and until its last lease is over.
    struct hosted {
        engine::backend* backend = nullptr;
        std::shared_ptr<residency_runner> residency;
        slot_id slot;
        unsigned tier = 0;
        std::size_t leases = 0;  // granted and not given back
        bool admitted = true;
        bool gone = false;        // removed or replaced
        bool first_load = false;  // not ready yet since we had it loaded
        std::optional<core::steady_time> load_began;
        bool draining = false;
        bool no_room = false;  // and none can be made: it can't serve until a person changes something
    };
    // A model and all that belongs to it.
    struct lane {
        std::string model;
        std::vector<std::shared_ptr<hosted>> instances;  // at least one
        // Of the first instance's model_entry.
        bool pinned = false;
        bool preload = false;
        std::size_t most = 1;
        std::optional<core::nanoseconds> keep_alive;

        bool suspended = false;
        std::uint64_t age = 0;  // grows when all instances are replaced, and the users begin anew
        std::size_t users = 0;  // who waits, has a lease, or holds
        std::size_t holds = 0;
        std::optional<moment> held_since;
        std::optional<moment> wanted;                 // load() or resume() while it was not there
        std::optional<core::nanoseconds> asked_stay;  // with load()
        bool spare = false;                           // to be loaded where that costs nobody anything
        bool spare_more = false;                      // and its further instances
        bool displaces = false;                       // somebody was unloaded for it
        bool overtakes = false;                       // it serves while another model wants its room
        bool impossible = false;
        std::string why;

        tier_policy tiers{core::seconds{30}};
        std::map<unsigned, bool>
            standby;  // later tiers that are to be loaded where that costs nobody anything
        tier_report last_change;
        std::optional<core::steady_time> tiers_look_again;

        void requested();
        void released(std::uint64_t since_age);
        void granted(std::optional<core::nanoseconds> stay_from_now);
        [[nodiscard]] std::size_t leases() const;
        // nullptr: none is.
        [[nodiscard]] const hosted* any_loaded() const;
        [[nodiscard]] bool loaded_in(unsigned tier) const;
        [[nodiscard]] bool tiered() const;
        // Nothing is loaded that requests could go to, or will be.
        [[nodiscard]] bool needs_load() const;
        // nullptr: there is none.
        [[nodiscard]] const hosted* first_of(unsigned tier) const;
        [[nodiscard]] std::string label_of(unsigned tier) const;
        // Hot tiers that are not there are to be loaded along.
        void want_standby();
        // What had no room is tried again.
        void forget_no_room();
    };
    // One coroutine inside acquire().
    struct waiter {
        explicit waiter(const core::executor& on) : bell(on) {}
        core::wake_signal bell;
        std::optional<decision> told;
        std::shared_ptr<lane> of;    // nullptr: there is no such model
        std::shared_ptr<hosted> at;  // what it was granted
        std::uint64_t age = 0;       // of the lane
        bool admitted = false;       // it is counted among those who need the model
    };

    impl(core::executor executor, const core::clock_source& time, scheduler_options with)
        : on(std::move(executor)),
          clock(time),
          options(std::move(with)),
          policy(options.max_queue),
          idle(on),
          given_back(on),
          look_bell(on) {}

    // nullptr: no such model.
    [[nodiscard]] std::shared_ptr<lane> find(std::string_view model) const;
    // The backends' word counts at the moment of each decision; the watcher's wake-up may still be on its
    // way.
    void refresh(const std::string& model);
    void look_at(lane& of, hosted& one);
    void apply(const std::vector<decision>& decisions);
    void release(ticket_id id, lane& of, std::uint64_t age, hosted& at);
    // Ends everything of `which` but its leases.
    void give_back(const std::shared_ptr<hosted>& which);
    [[nodiscard]] bool leased(const engine::backend* which) const;
    [[nodiscard]] core::nanoseconds usual_stay(const lane& of) const noexcept;
    static void host(const std::shared_ptr<impl>& self, const std::shared_ptr<lane>& of,
                     engine::backend& runtime);
    void take_settings(lane& of) const;
    void renew_users(lane& of);

    // Sees to it that the right tier serves.
    void settle_tier(lane& of);
    void settle_tiers();

    // Loads, unloads and holds back as the rule of swaps says now.
    void arrange();
    static core::awaitable<void> keep_looking(std::shared_ptr<impl> self);

    core::executor on;
    const core::clock_source& clock;
    scheduler_options options;
    queue_policy policy;
    core::wake_signal idle;
    core::wake_signal given_back;              // the last lease on some backend
    core::wake_signal look_bell;               // look_again changed
    std::vector<std::shared_ptr<lane>> lanes;  // in the order of add()
    std::unordered_map<slot_id, std::shared_ptr<hosted>> slots;
    std::vector<std::shared_ptr<hosted>> gone;  // with leases still out
    std::unordered_map<ticket_id, waiter*> waiters;
    std::unordered_map<ticket_id, core::deadline> due;  // of the leases that are out
    std::optional<core::steady_time> look_again;
    std::uint64_t last_ticket = 0;
    std::uint64_t last_slot = 0;
    std::uint64_t granted = 0;
    std::uint64_t swaps = 0;
    std::uint64_t evictions = 0;
    std::uint64_t overtaken = 0;
    bool arranging = false;
    bool arrange_again = false;
    bool anyone_blocked = false;
    bool over = false;

private:
    // A picture of the box, and whom each seat of it stands for.
    struct picture {
        box_view box;
        std::vector<std::pair<std::shared_ptr<lane>, std::shared_ptr<hosted>>> seats;
        // Of each of its models; each tier is one.
        std::vector<std::pair<std::shared_ptr<lane>, unsigned>> models;
    };
    [[nodiscard]] picture look() const;
    [[nodiscard]] arrangement scheduler_arrange(const box_view& box) const;
    [[nodiscard]] model_view view_of(const lane& of, unsigned tier) const;
    [[nodiscard]] seat_view view_of(const hosted& one, std::size_t model) const;
    void carry_out(const picture& of, const arrangement& plan);
    void tell_blocked(const picture& of, const arrangement& plan);
    void refuse_hopeless(const picture& seen, const arrangement& plan);
    [[nodiscard]] bool falls_back(lane& of, unsigned tier);
    void make_room(const picture& of, const eviction_order& order);
    void start(lane& of, hosted& one);
    [[nodiscard]] std::vector<tier_state> tier_states(const lane& of) const;
    void tell_change(lane& of, unsigned before, const tier_verdict& now);
    [[nodiscard]] std::optional<core::steady_time> next_look() const;
    [[nodiscard]] std::optional<core::nanoseconds> delay_of(const picture& of,
                                                            const blocked_model& told) const;
};

}  // namespace corral::scheduler
