#pragma once
// The fields that /api/generate and /api/chat share, decoded and typed but not yet judged
// (docs/facts/ollama_wire.md#generate-request, #chat-request).

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/json/json_fields.hpp"
#include "corral/chat/generation_request.hpp"
#include "corral/core/time.hpp"

namespace corral::api::ollama {

// The `keep_alive` of a request (docs/facts/ollama_wire.md#keep-alive): a number of seconds, or a duration as Go writes it; nanoseconds::max() for a negative one, which means for
// ever. Nothing when absent or null, and when it is malformed, which is then the problem.
[[nodiscard]] std::optional<core::nanoseconds> read_keep_alive(const json_fields& fields);

// "1h2m3.5s", "300ms", "-1s", "0". The problem has the text of Go's time.ParseDuration.
[[nodiscard]] std::optional<core::nanoseconds> parse_go_duration(std::string_view text,
                                                                 decode_problem& problem);

// The `think` of a request (docs/facts/ollama_wire.md#think).
enum class think_value { absent, off, on };

struct think_wish {
    think_value value = think_value::absent;
    std::string level;  // "low", "medium", "high" or "max", which are `on`; else empty
};

// A wrong value is the problem, and reads as absent.
[[nodiscard]] think_wish read_think(const json_fields& fields);

struct common_fields {
    std::string model;
    bool stream = true;
    bool truncate = true;
    bool logprobs = false;
    std::uint32_t top_logprobs = 0;
    std::optional<core::nanoseconds> keep_alive;
    think_wish think;
    bool debug_render_only = false;
    nlohmann::ordered_json format = nullptr;   // null when absent or ""
    nlohmann::ordered_json options = nullptr;  // null or an object
};

// `model`, or `name` as older clients say it where `model` is absent or empty.
[[nodiscard]] std::string read_model_name(const json_fields& fields);

[[nodiscard]] common_fields read_common(const json_fields& fields);

// With an empty prompt this asks for an unload (docs/facts/ollama_wire.md#load-and-unload).
[[nodiscard]] inline bool unloads(const common_fields& fields) {
    return fields.keep_alive == core::nanoseconds{0};
}

// Messages and tools of a chat request (docs/facts/ollama_wire.md#chat-request).

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
