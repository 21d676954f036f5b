#pragma once
// How a conversation tells the model of the wanted format, and of an answer that did not keep to it; and what of the
// answer the runtime is to hold to it.

#include <string>
#include <string_view>
#include <vector>

#include "corral/chat/generation_request.hpp"
#include "corral/chat/render.hpp"
#include "corral/generation/model_directory.hpp"

namespace corral::generation {

// Puts `instruction` at the end of the last user message, which small models heed best; the client's own
// system prompt stays as it is. REQUIRES: `messages` is not empty.
void add_instruction(std::vector<chat::message>& messages, std::string_view instruction);

// `messages` with the answer `bad` (cut when long) and what to do better. An answer that the client began
// stays at the end, and the hint joins the last user message.
[[nodiscard]] std::vector<chat::message> with_correction(std::vector<chat::message> messages,
                                                         std::string_view bad, std::string_view correction);

// The same of a call whose arguments don't fit: what is wrong comes as its result.
[[nodiscard]] std::vector<chat::message> with_correction(std::vector<chat::message> messages,
                                                         const chat::tool_call& bad,
                                                         std::string_view violation);

// Which part of the answer to `prompt` the runtime is to hold to the wanted format. `in_parts`: earlier runs
// wrote some of it. Of prepared requests.
enum class held_part { nothing, whole, behind_thoughts };
[[nodiscard]] held_part held_to_format(const chat::generation_request& request, const served_model& model,
                                       const chat::rendered_prompt& prompt, bool in_parts);

}  // namespace corral::generation
