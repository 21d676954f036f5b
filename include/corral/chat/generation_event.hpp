#pragma once
// The events of one request: any number of text, thinking and tool call events, then exactly one finished or
// failed.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "corral/chat/failure.hpp"
#include "corral/chat/generation_request.hpp"
#include "corral/core/time.hpp"

namespace corral::chat {

struct token_usage {
    std::uint32_t prompt_tokens = 0;     // everything that was read, the system prompt included
    std::uint32_t generated_tokens = 0;  // thinking included
    bool exact = false;                  // false: estimates
    std::uint32_t cached_tokens = 0;     // of prompt_tokens, those that were not computed anew
};

struct generation_timings : core::stage_times {
    token_usage prompt{};  // what prefill had to do: its prompt and cached tokens
};

enum class finish_reason { stop, length };

// A token that the model wrote or could have written in its place. Its bytes may be a part of a character.
struct token_chance {
    std::string bytes;
    double logprob = 0;  // finite, never above 0
};
struct token_logprob {
    token_chance written;
    std::vector<token_chance> likeliest;
};
using token_logprobs = std::vector<token_logprob>;
// What they take in memory, about.
[[nodiscard]] inline std::size_t size_of(const token_logprobs& tokens) noexcept {
    std::size_t out = tokens.size() * sizeof(token_logprob);
    for (const token_logprob& each : tokens) {
        out += each.written.bytes.size() + each.likeliest.size() * sizeof(token_chance);
        for (const token_chance& other : each.likeliest) {
            out += other.bytes.size();
        }
    }
    return out;
}

// `logprobs`, where they were asked for: of its tokens, and of those before it that became no text.
struct text_event {
    std::string text;  // whole UTF-8 characters, not empty
    token_logprobs logprobs{};
};
struct thinking_event {
    std::string text;
    token_logprobs logprobs{};
};
struct tool_call_event {
    tool_call call;
};
struct finished_event {
    finish_reason reason = finish_reason::stop;
    token_usage usage;
    generation_timings timings;
    token_logprobs logprobs{};  // those that came with no text
};
using failed_event = failure;
using generation_event =
    std::variant<text_event, thinking_event, tool_call_event, finished_event, failed_event>;

}  // namespace corral::chat
