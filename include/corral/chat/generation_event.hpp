#pragma once
// The events of one request: any number of text, thinking and tool call events, then exactly one finished or
// failed.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "corral/chat/failure.hpp"
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
using failed_event = failure;
using generation_event =
    std::variant<text_event, thinking_event, tool_call_event, finished_event, failed_event>;

}  // namespace corral::chat
