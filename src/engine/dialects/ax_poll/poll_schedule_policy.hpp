#pragma once
// When to poll next: at once and twice more after a sign of text, else on a slow timer that adapts. A sign is
// the runtime's standard output, which shows each piece about half a millisecond before polls do, or an
// answer given by the tap, a millisecond or two before (docs/facts/vendor_ax.md#relay).

#include <array>
#include <cstddef>

#include "corral/core/time.hpp"

namespace corral::engine::ax_poll {

enum class poll_mode {
    settling,   // waiting for the runtime to become idle: intervals grow with the time waited
    following,  // waiting for text
};

class poll_schedule_policy {
public:
    // `slowest`: the safety net's interval when the signs can be trusted.
    explicit poll_schedule_policy(core::milliseconds slowest) : slowest_(slowest) {}

    void begin(poll_mode mode, core::steady_time now);
    // Output, or another sign that a poll would show something now: polls at 0, 2 and 8 ms.
    void on_sign(core::steady_time now);
    // The tap has answered: text will show shortly, and output should say when. Polls at 3, 8 and 20 ms
    // unless it does.
    void on_answered(core::steady_time now);
    // The end is near but has no sign of its own: polls at 1, 2, 4 ... ms.
    void on_ending(core::steady_time now);
    // A poll sent at `sent` was answered at `now`.
    void on_polled(core::steady_time sent, core::steady_time now, bool had_text, bool done);

    [[nodiscard]] core::steady_time next() const noexcept;

private:
    void burst(core::steady_time now, std::array<core::milliseconds, 3> after);
    [[nodiscard]] core::nanoseconds timer_interval() const noexcept;

    core::milliseconds slowest_;
    poll_mode mode_ = poll_mode::settling;
    core::steady_time began_{};
    core::steady_time last_poll_{};
    core::steady_time last_text_{};
    core::nanoseconds text_gap_{0};
    std::array<core::steady_time, 3> burst_{};
    std::size_t burst_next_ = 3;
    core::nanoseconds ending_step_{0};  // 0: not ending
    int found_by_timer_ = 0;            // pieces in a row that no sign announced
    bool polled_ = false;
};

}  // namespace corral::engine::ax_poll
