#include "engine/dialects/ax_poll/follow_fsm.hpp"

namespace corral::engine::ax_poll {

void follow_fsm::on_begun(core::steady_time now) {
    if (state_ == follow_state::accepted) {
        state_ = follow_state::running;
        begun_at_ = now;
    }
}

follow_verdict follow_fsm::on_poll(core::steady_time sent, bool done, bool has_text) {
    switch (state_) {
        case follow_state::accepted:
            if (!done) {
                state_ = follow_state::running;
            } else if (has_text) {
                state_ = follow_state::closing;
            } else if (sent - accepted_ >= grace_) {
                state_ = follow_state::over;
                return follow_verdict::swallowed;
            }
            return follow_verdict::go_on;
        case follow_state::running:
            if (done && sent >= begun_at_) {
                state_ = follow_state::closing;
            }
            return follow_verdict::go_on;
        case follow_state::closing:
            if (!done) {
                state_ = follow_state::running;
                return follow_verdict::go_on;
            }
            state_ = follow_state::over;
            return follow_verdict::ended;
        case follow_state::over:
            break;
    }
    return follow_verdict::ended;
}

}  // namespace corral::engine::ax_poll
