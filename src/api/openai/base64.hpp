#pragma once
// Standard base64 with padding.

#include <string>
#include <string_view>

namespace corral::api::openai {

// Line breaks inside are tolerated.
[[nodiscard]] bool is_base64(std::string_view text);

[[nodiscard]] std::string to_base64(std::string_view bytes);

}  // namespace corral::api::openai
