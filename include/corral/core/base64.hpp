#pragma once
// Standard base64 with padding.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace corral::core {

// Where `text` stops being base64, counted as Go's decoder does; nothing when it is all right. Line breaks inside
// are tolerated.
[[nodiscard]] std::optional<std::size_t> base64_error(std::string_view text);

// The bytes of `text`, without line breaks inside; nothing when it is no base64.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

[[nodiscard]] std::string to_base64(std::string_view bytes);

}  // namespace corral::core
