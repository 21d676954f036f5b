#pragma once
// Messages and tools of a chat request (docs/facts/ollama_wire.md#chat-request).

#include <cstddef>
#include <vector>

#include "api/json/json_fields.hpp"
#include "corral/chat/generation_request.hpp"

namespace corral::api::ollama {

// docs/facts/ollama_wire.md#json-input: images are standard base64 with padding, line breaks tolerated.
// Whether the member `images` holds any, which are added to `message`; other things than base64 texts are a problem.
[[nodiscard]] bool read_images(const json_fields& fields, chat::message& message);

inline constexpr std::size_t max_messages = 10'000;

struct chat_messages {
    std::vector<chat::message> all;
    bool has_images = false;
};

[[nodiscard]] chat_messages read_messages(const json_fields& fields);

// The `tools` array as sent; null when absent or empty.
[[nodiscard]] nlohmann::ordered_json read_tools(const json_fields& fields);

}  // namespace corral::api::ollama
