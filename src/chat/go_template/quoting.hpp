#pragma once
// Go's quoted strings.

#include <optional>
#include <string>
#include <string_view>

namespace corral::chat::go_template {

// The text between the quotes, unescaped; nothing when an escape is wrong or does not make whole UTF-8.
[[nodiscard]] std::optional<std::string> unquoted(std::string_view inside);

void append_utf8(std::string& to, char32_t character);

// The first code point of whole UTF-8, and its length in bytes. REQUIRES: not empty.
[[nodiscard]] char32_t first_character(std::string_view text, std::size_t& bytes);

}  // namespace corral::chat::go_template
