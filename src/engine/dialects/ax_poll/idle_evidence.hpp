#pragma once
// When a runtime may be believed to be idle and empty. "done: true" alone proves nothing: it is also the
// answer while an accepted call waits for its worker (docs/facts/vendor_ax.md#early-done).

#include "corral/core/time.hpp"

namespace corral::engine::ax_poll {

// unknown ──begun, done:false, text──▶ begun ──2 empty done:true in a row──▶ idle
//    └────────done:true in every poll for the grace─────────────────────────▶ idle
class idle_evidence {
public:
    explicit idle_evidence(core::milliseconds grace) : grace_(grace) {}

    // A call that starts work is about to be sent: what was seen before counts no more.
    void on_call(core::steady_time now);
    // The work of the last call was seen to begin elsewhere (by the tap).
    void on_begun(core::steady_time now);
    // The answer to a poll that was sent at `sent`.
    void on_poll(core::steady_time sent, bool done, bool has_text);

    [[nodiscard]] bool begun() const noexcept { return begun_; }
    [[nodiscard]] bool idle() const noexcept { return idle_; }
    // Believed only because of the grace time.
    [[nodiscard]] bool by_grace() const noexcept { return idle_ && !begun_; }

private:
    core::milliseconds grace_;
    core::steady_time called_{};
    core::steady_time begun_at_{};
    core::steady_time quiet_since_{};
    bool begun_ = false;
    bool quiet_ = false;
    bool idle_ = false;
    int empty_in_a_row_ = 0;
};

}  // namespace corral::engine::ax_poll
