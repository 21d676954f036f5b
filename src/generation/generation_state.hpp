#pragma once
// What a request's runner and its reader share: the events between them, and the news that the reader has
// gone. All on one thread.

#include <cstddef>
#include <deque>
#include <optional>
#include <string>

#include "corral/chat/generation_event.hpp"
#include "corral/core/async.hpp"
#include "corral/core/time.hpp"
#include "corral/core/wake_signal.hpp"
#include "corral/engine/backend.hpp"
#include "corral/scheduler/scheduler.hpp"

namespace corral::generation {

class generation_state {
public:
    explicit generation_state(const core::executor& on) : arrived_(on), abandoned_bell_(on) {}
    // By which abandoned_at() goes; borrowed until the end.
    void use_clock(const core::clock_source& clock) noexcept { clock_ = &clock; }

    // --- the runner's side ---
    // A text, thinking or tool call event. After the end, or once abandoned, it is dropped.
    void push(chat::generation_event event);
    // The one terminal event; false when there was one before.
    bool end(chat::generation_event event);
    [[nodiscard]] bool ended() const noexcept { return ended_; }
    // A text, thinking or tool call event was pushed.
    [[nodiscard]] bool answered() const noexcept { return answered_; }
    // What was pushed can still be taken back: the reader sees nothing before the end.
    [[nodiscard]] bool held() const noexcept { return held_; }
    // Forgets what was pushed, for another run. REQUIRES: held(), and no end yet.
    void take_back();
    // Bytes of text that wait for the reader.
    [[nodiscard]] std::size_t pending_bytes() const noexcept { return pending_bytes_; }
    // The run that abandon() stops; nullptr between runs. Borrowed.
    void attach(engine::run_control* control);
    // The request is not carried on: its reader has gone, or the server ends.
    [[nodiscard]] bool abandoned() const noexcept { return abandoned_; }
    [[nodiscard]] bool reader_gone() const noexcept { return reader_gone_; }
    // Nothing: it is not abandoned, or there is no clock.
    [[nodiscard]] const std::optional<core::steady_time>& abandoned_at() const noexcept {
        return abandoned_at_;
    }
    // As far as they are known; the reader's share is added.
    void note_timings(const chat::generation_timings& now) { timings_ = now; }
    [[nodiscard]] chat::generation_timings timings() const;
    // Leaves the queue and stops the runtime; the reader still gets what is there and then the end.
    void abandon();
    [[nodiscard]] core::wake_signal& abandoned_bell() noexcept { return abandoned_bell_; }
    std::size_t dropped_messages = 0;
    std::optional<scheduler::queue_place> place;
    // Of the run that goes on or was the last; `served_by` is empty where the model has one tier only.
    std::string served_by;
    unsigned tier = 0;

    // --- the reader's side ---
    // Before the first event: all of them come after the end.
    void hold() noexcept { held_ = true; }
    // What a piece of the answer waited for the client to take it.
    void note_delivery(core::nanoseconds waited) {
        delivery_ = delivery_.value_or(core::nanoseconds{0}) + waited;
    }
    bool tells_timings = false;
    // Nobody will read the rest.
    void leave();
    [[nodiscard]] std::optional<chat::generation_event> poll();
    // A cancelled reader gets failed(cancelled), which is not the terminal event of the run.
    [[nodiscard]] core::awaitable<chat::generation_event> next();
    // Nothing when `until` came first.
    [[nodiscard]] core::awaitable<std::optional<chat::generation_event>> next_before(core::deadline until);

private:
    // Unread pieces beyond this many are joined, so that a slow reader costs the text and not an event a
    // token.
    static constexpr std::size_t max_separate_events = 64;
    [[nodiscard]] bool readable() const noexcept { return !events_.empty() && (ended_ || !held_); }
    [[nodiscard]] bool join(const chat::generation_event& event);

    core::wake_signal arrived_;
    core::wake_signal abandoned_bell_;
    std::deque<chat::generation_event> events_;
    std::size_t pending_bytes_ = 0;
    const core::clock_source* clock_ = nullptr;
    std::optional<core::steady_time> abandoned_at_;
    chat::generation_timings timings_;
    std::optional<core::nanoseconds> delivery_;
    engine::run_control* control_ = nullptr;
    bool held_ = false;
    bool answered_ = false;
    bool ended_ = false;
    bool abandoned_ = false;
    bool reader_gone_ = false;
};

}  // namespace corral::generation
