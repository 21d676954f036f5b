#pragma once
// When a service that failed is started again: first at once, then after an exponential backoff with full
// jitter, and not at all (for a long while) once it fails too often. Decides only; owns no timer.

#include <deque>
#include <optional>

#include "corral/catalog/profile.hpp"
#include "corral/core/time.hpp"
#include "corral/supervisor/service_status.hpp"

namespace corral::supervisor {

// When the service is started again.
enum class next_start { at_once, by_rule, slowly };

// What a reason means for the service; the table is in docs/service_machine.md.
struct restart_meaning {
    next_start next = next_start::by_rule;  // by_rule: it counts, and may open the breaker
    trouble bundle = trouble::none;         // none: neither a warning nor a crash bundle
    [[nodiscard]] bool fails() const noexcept { return next == next_start::by_rule; }
};
[[nodiscard]] restart_meaning meaning_of(restart_reason why) noexcept;

// What kind of failure it was.
enum class failure_sort {
    plain,
    quick_start,  // of a start, within seconds: it cost next to nothing
    at_work,      // with a prompt inside, by a service that must pass its first test before it serves again
};

enum class restart_verdict { at_once, after_delay, give_up };

struct restart_decision {
    restart_verdict what = restart_verdict::at_once;
    core::milliseconds delay{0};  // with after_delay, and with give_up to the trial
};

class restart_policy {
public:
    explicit restart_policy(const catalog::restart_rule& rule) : rule_(rule) {}

    // The service failed at `now` after being ready for `served` (zero: never was). Each quarter of
    // `healthy_after` spent ready halves the backoff's ceiling; the whole of it forgets the past. `jitter` is
    // in [0, 1). give_up when `intensity` restarts lie within the window already, or when the trial of an
    // open breaker failed. The trial comes after an eighth of `breaker_retry`, then after twice as long each
    // time, so that a short cause is not paid for by the longest pause. Quick starts open it only once they
    // have failed for `max_backoff`, and failures at work never: the prompt may be to blame, and a broken
    // service fails its first test. Both are tried again after an eighth of `max_backoff` at the latest.
    [[nodiscard]] restart_decision on_failure(core::steady_time now, core::milliseconds served, double jitter,
                                              failure_sort sort = failure_sort::plain);
    void on_ready() noexcept {
        on_trial_ = false;
        quick_since_.reset();
    }
    // The one start that an open breaker grants.
    void on_trial() noexcept { on_trial_ = true; }
    // A person asked: as if nothing had happened.
    void forget() noexcept;

    // The largest delay that the next failure could get.
    [[nodiscard]] core::milliseconds ceiling() const noexcept;

private:
    [[nodiscard]] core::milliseconds next_trial() noexcept;

    catalog::restart_rule rule_;
    std::deque<core::steady_time> restarts_;  // inside the window, oldest first; at most `intensity`
    unsigned streak_ = 0;
    std::optional<core::steady_time> quick_since_;  // the first of the quick starts in a row that failed
    bool on_trial_ = false;
    unsigned openings_ = 0;  // of the breaker, since it served for `healthy_after`
};

}  // namespace corral::supervisor
