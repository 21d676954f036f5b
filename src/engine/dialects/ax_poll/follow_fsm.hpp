#pragma once
// What the next poll's answer means for a run whose generate was accepted.
//
//  state     event                                   next      verdict
//  accepted  begin seen, done:false, text            running   go_on
//  accepted  done:true, no text, within the grace    accepted  go_on     (the worker has not begun)
//  accepted  done:true, no text, grace over          over      swallowed (the call was dropped)
//  running   done:true                               closing   go_on     (text joined before `done` was read)
//  closing   done:true                               over      ended
//  closing   done:false                              running   go_on

#include "corral/core/time.hpp"

namespace corral::engine::ax_poll {

enum class follow_state { accepted, running, closing, over };
enum class follow_verdict { go_on, ended, swallowed };

class follow_fsm {
public:
    follow_fsm(core::milliseconds grace, core::steady_time accepted) : grace_(grace), accepted_(accepted) {}

    // The run was seen to begin elsewhere (by the tap); polls sent before prove no end.
    void on_begun(core::steady_time now);
    // The answer to a poll sent at `sent`. `has_text`: text that can only be this run's.
    [[nodiscard]] follow_verdict on_poll(core::steady_time sent, bool done, bool has_text);

    [[nodiscard]] follow_state state() const noexcept { return state_; }

private:
    core::milliseconds grace_;
    core::steady_time accepted_;
    core::steady_time begun_at_{};
    follow_state state_ = follow_state::accepted;
};

}  // namespace corral::engine::ax_poll
