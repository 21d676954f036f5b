#pragma once
// The events of one request: any number of text, thinking and tool call events, then exactly one finished or
// failed.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "corral/chat/generation_request.hpp"
#include "corral/core/time.hpp"

namespace corral::chat {

struct token_usage {
    std::uint32_t prompt_tokens = 0;     // everything that was read, the system text included
    std::uint32_t generated_tokens = 0;  // thinking included
    bool exact = false;                  // false: estimates
};

struct generation_timings {
    core::nanoseconds queue{0};    // arrival to lease
    core::nanoseconds reset{0};    // lease to confirmed reset
    core::nanoseconds prefill{0};  // generate accepted to first text
    core::nanoseconds decode{0};   // first text to end
    core::nanoseconds total{0};    // arrival to end
    // Parts of these, absent where they can't be known.
    std::optional<core::nanoseconds> tokenise;    // of prefill: texts into token ids
    std::optional<core::nanoseconds> detokenise;  // of decode: token ids into texts, all together
    std::optional<core::nanoseconds> delivery;    // of total: pieces that waited for the client to take them
};

enum class finish_reason { stop, length };

// Why a request failed; each wire format maps these to its own statuses in one table.
enum class failure_kind {
    bad_request,       // the request can't be carried out as it stands
    context_too_long,  // one turn alone exceeds the context, or shortening was forbidden
    unsupported,       // this runtime can't do it
    format_unmet,      // the model did not keep to the wanted format, however often it was asked
    model_not_found,
    queue_full,   // retry_after is set
    unavailable,  // loading or broken
    timed_out,
    runtime_failed,  // died, hung or answered nonsense
    shutting_down,
    cancelled,  // the client went away; nobody reads this
    internal,
};

struct text_event {
    std::string text;  // whole UTF-8 characters, not empty
};
struct thinking_event {
    std::string text;
};
struct tool_call_event {
    tool_call call;
};
struct finished_event {
    finish_reason reason = finish_reason::stop;
    token_usage usage;
    generation_timings timings;
};
struct failed_event {
    failure_kind kind = failure_kind::internal;
    std::string cause;    // stable id, e.g. "tokenizer-died"
    std::string message;  // a plain sentence for the client
    bool retryable = false;
    std::optional<core::seconds> retry_after;
};
using generation_event =
    std::variant<text_event, thinking_event, tool_call_event, finished_event, failed_event>;

}  // namespace corral::chat
