#pragma once
// Patterns of JSON Schema, which are ECMA-262's, in the words of RE2.

#include <string>
#include <string_view>

namespace corral::chat {

// \uXXXX and \u{X} become \x{X}; all else that RE2 knows is alike.
[[nodiscard]] std::string with_re2_escapes(std::string_view pattern);

}  // namespace corral::chat
