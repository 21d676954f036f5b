#pragma once
// Tokens and times of one request, over all its runs.

#include <cstdint>
#include <optional>
#include <string_view>

#include "corral/chat/generation_event.hpp"
#include "corral/core/time.hpp"
#include "corral/engine/backend.hpp"

namespace corral::generation {

class run_figures {
public:
    void arrive(core::steady_time at) { arrived_ = at; }
    // Of what this run generates the first `tokens` are hidden, and no more than `most` of the rest count.
    void hide(std::uint32_t tokens, std::optional<std::uint32_t> most) {
        hidden_tokens_ = tokens;
        most_tokens_ = most;
    }
    // What this run generates from now on is not of the answer.
    void count_no_more() { most_tokens_ = counted_tokens(); }
    // A new run begins on a lease that was granted `at`.
    void begin_run(core::steady_time at);
    void note_text(const engine::run_progress& now);
    void note(const engine::run_progress& now) { progress_ = now; }
    // The run that ends `at` gave an answer that was thrown away, or with `goes_on` the beginning of one: its tokens
    // and its time count, and of a beginning its prompt.
    void keep_run(core::steady_time at, bool goes_on = false);

    // The prompt of the last run that began an answer, and what all of them that count have generated.
    [[nodiscard]] chat::token_usage usage() const;
    [[nodiscard]] std::string_view start() const noexcept { return progress_.start; }
    [[nodiscard]] chat::generation_timings timings(core::steady_time now) const;
    // Of what goes on nothing, for its time is not known before its end.
    [[nodiscard]] chat::generation_timings stages_so_far(core::steady_time now) const;
    // So many tokens of a prompt hold one more turn behind what was read and written; 0: it is not known.
    [[nodiscard]] bool leaves_room(std::uint32_t prompt_limit) const;

private:
    [[nodiscard]] std::uint32_t counted_tokens() const;
    [[nodiscard]] chat::token_usage prompt() const;
    [[nodiscard]] core::nanoseconds decode_before_first_text(core::nanoseconds after_it,
                                                             core::nanoseconds before_it) const;

    // How much of what passed before the first text was decoding; less than zero: prefill went on after it.
    [[nodiscard]] core::nanoseconds hidden_decode(const chat::generation_timings& seen) const;

    core::steady_time arrived_{};
    core::steady_time leased_{};
    engine::run_progress progress_;
    std::uint32_t tokens_at_first_text_ = 0;
    std::uint32_t hidden_tokens_ = 0;
    std::optional<std::uint32_t> most_tokens_;
    // Of runs that were kept.
    std::uint32_t earlier_tokens_ = 0;
    bool earlier_exact_ = true;
    std::optional<chat::token_usage> begun_;  // of the run that began what the present one goes on with
    core::nanoseconds earlier_decode_{0};
    core::nanoseconds earlier_runs_{0};
    std::optional<core::nanoseconds> earlier_detokenise_;
};

}  // namespace corral::generation
