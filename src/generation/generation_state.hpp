#pragma once
// The writer's side of a request: what its run gives, and the news that the reader has gone.

#include <cstddef>
#include <optional>
#include <vector>

#include "corral/generation/answer_reader.hpp"

namespace corral::generation {

class generation_state final : public answer_reader {
public:
    // abandoned_at() goes by `clock`; borrowed until the end.
    generation_state(const core::executor& on, const core::clock_source& clock) : answer_reader(on) {
        clock_ = &clock;
    }

    // A text, thinking or tool call event. After the end, or once abandoned, it is dropped.
    void push(chat::generation_event event);
    void push(std::vector<chat::generation_event> events);
    // The one terminal event; false when there was one before.
    bool end(chat::generation_event event);
    [[nodiscard]] bool ended() const noexcept { return ended_; }
    // A text, thinking or tool call event was pushed.
    [[nodiscard]] bool answered() const noexcept { return answered_; }
    // Something of the answer is where it can't be taken back: the reader sees it before the end.
    [[nodiscard]] bool gone_out() const noexcept { return answered_ && !held_; }
    // Forgets what was pushed, for another run. REQUIRES: !gone_out(), and no end yet.
    void take_back();
    // Bytes of text that wait for the reader.
    [[nodiscard]] std::size_t pending_bytes() const noexcept { return pending_bytes_; }
    // The run that abandon() stops; nullptr between runs. Borrowed.
    void attach(engine::run_control* control);
    // The run that is attached is asked to end. REQUIRES: one is.
    void stop_run() { control_->cancel(); }
    // The request is not carried on: its reader has gone, or the server ends.
    [[nodiscard]] bool abandoned() const noexcept { return abandoned_; }
    [[nodiscard]] bool reader_gone() const noexcept { return reader_gone_; }
    [[nodiscard]] const std::optional<core::steady_time>& abandoned_at() const noexcept {
        return abandoned_at_;
    }
    // As far as they are known; the reader's share is added.
    void note_timings(const chat::generation_timings& now) { timings_ = now; }
    [[nodiscard]] answer_notes& notes() noexcept { return notes_; }
    using answer_reader::abandon;
    [[nodiscard]] core::wake_signal& abandoned_bell() noexcept { return abandoned_bell_; }

private:
    // Unread pieces beyond this many are joined, so that a slow reader costs the text and not an event a
    // token.
    static constexpr std::size_t max_separate_events = 64;
    [[nodiscard]] bool join(const chat::generation_event& event);
};

}  // namespace corral::generation
