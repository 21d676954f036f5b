#pragma once
// Performs what residency_policy orders for one backend: starts it, stops it in a task of its own, and keeps
// its time.

#include <functional>
#include <memory>
#include <optional>

#include "corral/core/async.hpp"
#include "corral/core/time.hpp"
#include "corral/core/wake_signal.hpp"
#include "corral/engine/backend.hpp"
#include "scheduler/residency_policy.hpp"

namespace corral::scheduler {

struct residency_options {
    residency_rule rule;
    core::milliseconds stop_limit{60'000};  // beyond the longest stop ladder of a profile
};

class residency_runner : public std::enable_shared_from_this<residency_runner> {
public:
    // `runtime` and `clock` are borrowed and not touched after close(). `changed` is called when a stop was
    // ordered and when it is over.
    residency_runner(const core::executor& on, const core::clock_source& clock, engine::backend& runtime,
                     residency_options options, std::function<void()> changed);

    // Begins to keep time. Ends with close().
    void open();
    // No more orders; a stop on its way goes on.
    void refuse_new();
    // The same, and the end of this one's work.
    void close();

    // See residency_policy.
    void requested() { perform(policy_.requested(now())); }
    void released() { perform(policy_.released(now())); }
    void granted(std::optional<core::nanoseconds> keep_alive) { policy_.granted(keep_alive); }
    void load(std::optional<core::nanoseconds> keep_alive) { perform(policy_.load(keep_alive, now())); }
    void unload() { perform(policy_.unload(now())); }
    void give_room(std::optional<core::nanoseconds> stay) { perform(policy_.give_room(stay)); }
    void make_room() { perform(policy_.make_room(now()), "makes room"); }
    void observed(engine::availability_state state) { perform(policy_.observed(state, now())); }
    void suspend(bool at_once) { perform(policy_.suspend(at_once, now())); }
    void resume() { perform(policy_.resume(now())); }
    void bar() noexcept { policy_.bar(); }
    void admit() { perform(policy_.admit(now())); }
    void set_usual_stay(core::nanoseconds usual) { perform(policy_.set_usual_stay(usual, now())); }

    [[nodiscard]] const residency_policy& policy() const noexcept { return policy_; }

private:
    [[nodiscard]] core::steady_time now() const { return clock_->now(); }
    void perform(residence_order order, const char* why_stop = "is not needed any more");
    static core::awaitable<void> keep_time(std::shared_ptr<residency_runner> self);
    static core::awaitable<void> stop_runtime(std::shared_ptr<residency_runner> self);

    core::executor on_;
    const core::clock_source* clock_;
    engine::backend* runtime_;
    residency_options options_;
    std::function<void()> changed_;
    residency_policy policy_;
    core::wake_signal rearmed_;
    std::optional<core::steady_time> armed_;  // what keep_time waits for
    bool closed_ = false;
};

}  // namespace corral::scheduler
