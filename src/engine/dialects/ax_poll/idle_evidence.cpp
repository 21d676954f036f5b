#include "engine/dialects/ax_poll/idle_evidence.hpp"

namespace corral::engine::ax_poll {

void idle_evidence::on_call(core::steady_time now) {
    called_ = now;
    begun_ = false;
    quiet_ = false;
    idle_ = false;
    empty_in_a_row_ = 0;
}

void idle_evidence::on_begun(core::steady_time now) {
    if (!begun_) {
        begun_ = true;
        begun_at_ = now;
        empty_in_a_row_ = 0;
        idle_ = false;
    }
}

void idle_evidence::on_poll(core::steady_time sent, bool done, bool has_text) {
    if (!done || has_text) {
        if (!begun_) {
            begun_ = true;
            begun_at_ = sent;
        }
        empty_in_a_row_ = 0;
        idle_ = false;
        return;
    }
    if (begun_) {
        // A poll sent before the work began says nothing about its end.
        if (sent >= begun_at_) {
            ++empty_in_a_row_;
            idle_ = empty_in_a_row_ >= 2;
        }
        return;
    }
    if (!quiet_) {
        quiet_ = true;
        quiet_since_ = sent;
    }
    idle_ = sent - quiet_since_ >= grace_ && sent - called_ >= grace_;
}

}  // namespace corral::engine::ax_poll
