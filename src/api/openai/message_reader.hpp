#pragma once
// The messages of a chat request (docs/facts/ollama_wire.md#openai-chat-request).

#include <string>
#include <string_view>
#include <vector>

#include "api/json/json_fields.hpp"
#include "corral/chat/generation_request.hpp"

namespace corral::api::openai {

// The image in a `data:` URL with base64 of a known image type, added to `message`; else the problem.
void read_image(std::string_view url, chat::message& message, decode_problem& problem);

inline constexpr std::size_t max_messages = 10'000;

struct conversation {
    std::vector<chat::message> messages;
    bool has_images = false;
    bool has_audio = false;
};

// Each part of a content array becomes a message of its own, as Ollama does it.
[[nodiscard]] conversation read_messages(const json_fields& fields);

// "developer" is the system, "function" a tool; an unknown role is the problem.
[[nodiscard]] chat::role read_role(const json_fields& fields);

// The tool whose call had that id; empty when there was none.
[[nodiscard]] std::string name_of_call(const std::vector<chat::message>& messages, std::string_view id);

}  // namespace corral::api::openai
