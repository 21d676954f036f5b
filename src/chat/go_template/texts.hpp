#pragma once
// Go's quoted strings, and the subset of its print functions that prompts need.

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "chat/go_template/value.hpp"

namespace corral::chat::go_template {

// The text between the quotes of a string, unescaped; nothing when an escape is wrong or does not make whole UTF-8.
[[nodiscard]] std::optional<std::string> unquoted(std::string_view inside);

// All three end with the first value that makes the text longer than `most` bytes.

// A space between two neighbours that are both no strings.
[[nodiscard]] std::string print_text(std::span<const value> from, std::size_t most);
// Spaces between all of them, and a line break.
[[nodiscard]] std::string println_text(std::span<const value> from, std::size_t most);
// %v %s %d %q %t %f %e %g %x %X %c %% with flags, width and precision. Mismatches are written as in Go:
// %!d(string=x), %!d(MISSING).
[[nodiscard]] std::string printf_text(std::string_view format, std::span<const value> from, std::size_t most);

}  // namespace corral::chat::go_template
