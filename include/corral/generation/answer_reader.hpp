#pragma once
// The reader's side of one request on its way: its events, and notes on how it goes. All on one thread.

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "corral/chat/generation_event.hpp"
#include "corral/core/async.hpp"
#include "corral/core/time.hpp"
#include "corral/core/wake_signal.hpp"
#include "corral/engine/backend.hpp"
#include "corral/scheduler/scheduler.hpp"

namespace corral::generation {

// What a request that was too long for its model went without (docs/long_prompts.md).
struct prompt_cuts {
    std::size_t messages = 0;      // of the oldest turns
    std::size_t summarised = 0;    // of these, what a summary stands for
    std::size_t tools = 0;         // definitions
    std::size_t descriptions = 0;  // tools with shortened descriptions
    std::size_t text_bytes = 0;    // of the middle of texts
    std::size_t newest_bytes = 0;  // of these, of the person's task and what followed last
    bool a_tenth = false;          // more than that is missing of the system prompt or of the turns
    bool operator==(const prompt_cuts&) const = default;
    [[nodiscard]] bool any() const noexcept { return *this != prompt_cuts{}; }
};

// "messages=3, summarised=3, tools=20, descriptions=4, text-bytes=1200", without the parts that stayed whole.
[[nodiscard]] std::string to_text(const prompt_cuts& cuts);
// A sentence in brackets for the reader of the answer; empty: not worth it. With tools only of the newest texts.
[[nodiscard]] std::string note_for_people(const prompt_cuts& cuts, bool has_tools);

// For response headers; complete with the first event.
struct answer_notes {
    prompt_cuts cuts;
    std::string cuts_note;                        // to people, where they are worth it
    std::optional<scheduler::queue_place> place;  // when it came; nothing: no need to wait
    // The instance (catalog::label_of) of the run that goes on or was the last, and its tier; empty and 0
    // where the model has one tier only, or no run has begun.
    std::string served_by;
    unsigned tier = 0;
    std::size_t moved_lines = 0;  // of the system prompt, put before the newest question
    // What of the request has no effect, by its names on the wire: "tool_choice" where a call can't be forced.
    std::vector<std::string> ignored;
    std::string stopped_by;  // the client's stop text that ended the answer; empty: something else did
};

class answer_reader {
public:
    answer_reader(const answer_reader&) = delete;
    answer_reader& operator=(const answer_reader&) = delete;

    // Before the first event: all of them come after the end. Then a run that broke in the middle may be
    // repeated, for nothing of it has gone out.
    void hold_until_end() noexcept { held_ = true; }
    // The next event; after finished or failed none may be asked for. The events before the end wait in a
    // buffer bounded by the model's context, so a slow reader does not hold the lease. A cancelled reader
    // gets failed(cancelled), which is not the terminal event of the run.
    [[nodiscard]] core::awaitable<chat::generation_event> next();
    // Nothing when none is there yet.
    [[nodiscard]] std::optional<chat::generation_event> poll();
    // Nothing when `until` came first.
    [[nodiscard]] core::awaitable<std::optional<chat::generation_event>> next_before(core::deadline until);

    [[nodiscard]] const answer_notes& notes() const noexcept { return notes_; }
    // What its stages took, as far as known now; whole with its end.
    [[nodiscard]] chat::generation_timings timings() const;
    // Its client asked for them; before the first event.
    void tell_timings() noexcept { tells_timings_ = true; }
    [[nodiscard]] bool tells_timings() const noexcept { return tells_timings_; }
    // A piece of its answer waited for the client to take it.
    void note_delivery(core::nanoseconds waited) {
        delivery_ = delivery_.value_or(core::nanoseconds{0}) + waited;
    }
    // The rest will not be read: the runtime is stopped.
    void leave();

protected:
    explicit answer_reader(const core::executor& on) : arrived_(on), abandoned_bell_(on) {}
    ~answer_reader() = default;
    // Leaves the queue and stops the runtime; the reader still gets what is there and then the end.
    void abandon();

    core::wake_signal arrived_;
    core::wake_signal abandoned_bell_;
    std::deque<chat::generation_event> events_;
    std::size_t pending_bytes_ = 0;
    const core::clock_source* clock_ = nullptr;
    std::optional<core::steady_time> abandoned_at_;
    chat::generation_timings timings_;
    std::optional<core::nanoseconds> delivery_;
    answer_notes notes_;
    engine::run_control* control_ = nullptr;
    bool tells_timings_ = false;
    bool held_ = false;
    bool answered_ = false;
    bool ended_ = false;
    bool abandoned_ = false;
    bool reader_gone_ = false;

private:
    [[nodiscard]] bool readable() const noexcept { return !events_.empty() && (ended_ || !held_); }
};

// Lets the run go on to its end alone.
struct leave_answer {
    std::shared_ptr<answer_reader> kept{};
    void operator()(answer_reader* reader) const { reader->leave(); }
};

// Its end before the request's means that the rest is unwanted.
using generation_handle = std::unique_ptr<answer_reader, leave_answer>;

}  // namespace corral::generation
