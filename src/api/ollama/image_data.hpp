#pragma once
// Images as requests carry them: standard base64 with padding, line breaks tolerated
// (docs/facts/ollama_wire.md#json-input).

#include <cstddef>
#include <optional>
#include <string_view>

#include "api/json/json_fields.hpp"

namespace corral::api::ollama {

// Where `text` stops being such, counted as Go's decoder does; nothing when it is all right.
[[nodiscard]] std::optional<std::size_t> base64_error(std::string_view text);

// Whether the member `images` holds any; other things than base64 texts are a problem.
[[nodiscard]] bool read_images(const json_fields& fields);

}  // namespace corral::api::ollama
