#pragma once
// A conversation that is to make room: the question that has a model sum it up.

#include <cstdint>
#include <string>
#include <string_view>

#include "corral/chat/generation_request.hpp"

namespace corral::generation {

// Of a summary that a client sent back.
inline constexpr std::string_view summary_heading = "Summary of the conversation so far:\n";
[[nodiscard]] bool is_summary(const chat::message& one);

// Adds a message to a transcript; of system prompts only summaries.
void write_down(const chat::message& one, std::string& to);

// Makes `request` ask for the summary, with room for it in a window of so many tokens; 0: unknown.
void ask_for_summary(chat::generation_request& request, std::string_view transcript, std::uint32_t window);

}  // namespace corral::generation
