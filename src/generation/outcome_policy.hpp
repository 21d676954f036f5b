#pragma once
// What becomes of a request when one of its runs ends: its end, or another run. Pure; the run performs it.

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "corral/chat/generation_event.hpp"
#include "corral/engine/backend.hpp"
#include "generation/answer_gates.hpp"
#include "generation/prompt_quarantine.hpp"

namespace corral::generation {

// How the request stands; counts include the run that ends.
struct run_standing {
    unsigned tries = 0;
    unsigned refits = 0;    // runs that the runtime refused because the prompt was longer than was thought
    prompt_record harm;     // done by this prompt, here or in an earlier request
    bool gone_out = false;  // the client has something that can't be taken back
    bool deadline_passed = false;
    bool reader_gone = false;
    bool abandoned = false;  // by its reader, or by the server's end
    bool judged = false;     // what the run gave is judged already
    // It has a place for a hint, and somebody waits for the answer.
    bool may_be_corrected = true;
};

struct retry_limits {
    unsigned max_tries = 3;
    unsigned poisonous_after = 2;
    unsigned max_refits = 3;
};

// Judged already, and the judgement stands.
struct keep_judgement {};
// The text is whole: judge it.
struct judge_answer {
    chat::finish_reason reason = chat::finish_reason::stop;
};
// What was pushed is taken back, and the same request runs again.
struct run_again {};
// Another run, with what was wrong.
struct run_corrected {
    std::string violation;
};
struct finish_request {
    chat::finish_reason reason = chat::finish_reason::stop;
    std::string text;  // that waited for its format; may be empty
};
struct fail_request {
    chat::failure why;
};

using end_of_run = std::variant<keep_judgement, judge_answer, run_again, fail_request>;

// The cases in the order in which they count:
//
//   abandoned                                      fail: cancelled, or shutting down
//   the runtime died or hung in it too often,     fail: poisonous
//     nothing out
//   judged already                                 keep_judgement
//   too long, retryable, nothing out               run_again: it is made to fit anew
//   failed, retryable, nothing out, may run again  run_again
//   failed                                         fail: as it failed
//   cancelled, and not on request                 fail: internal
//   stop or length                                 judge_answer
[[nodiscard]] end_of_run after_run(const run_standing& standing, const retry_limits& limits,
                                   const engine::run_outcome& outcome);

// A request whose prompt could not be measured or does not fit: the part of after_run() for failures.
[[nodiscard]] std::variant<run_again, fail_request> after_failure(const run_standing& standing,
                                                                  const retry_limits& limits,
                                                                  const chat::failure& why);

// What its prompt did before, known before it waits and again when its turn has come; nothing: it may run.
[[nodiscard]] std::optional<fail_request> before_run(const prompt_record& harm, const retry_limits& limits,
                                                     core::steady_time now);

// So often an answer gives way.
inline constexpr unsigned most_parts = 8;

// A job's answer at one of its pieces, while a person waits for its card.
struct waited_for {
    core::nanoseconds loads{0};              // of both models, if it gives way; 0: they share one
    core::nanoseconds left{0};               // until its deadline
    core::nanoseconds decode{0};             // so far
    std::uint32_t generated = 0;             // tokens
    std::optional<std::uint32_t> most = {};  // of these
    unsigned parts = 0;                      // earlier ones
};
// The run ends, and another one goes on later: not where it ends by itself, nor where that is sooner than both models
// are loaded once more, or too late.
[[nodiscard]] bool gives_way(const waited_for& now);

// Given up by its reader, or by the server's end.
[[nodiscard]] fail_request after_abandonment(const run_standing& standing);

// An answer as its format sees it.
struct judged_answer {
    format_verdict verdict;
    std::string written;  // as the model wrote it
    unsigned tries = 0;   // answers judged, this one included
};

using end_of_answer = std::variant<finish_request, run_corrected, fail_request>;

// `reason` is length for an answer that was cut. One that waits for its format goes out when it keeps to it, or
// when it was cut: then the client sees what there is and `length`. `format` is absent where none is wanted. `misfit`:
// what is wrong with a call that waits.
[[nodiscard]] end_of_answer after_answer(const run_standing& standing, const retry_limits& limits,
                                         chat::finish_reason reason, std::optional<judged_answer> format,
                                         const std::optional<std::string>& misfit = std::nullopt);

}  // namespace corral::generation
