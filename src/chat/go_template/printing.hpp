#pragma once
// Go's print functions, as far as prompts need them.

#include <span>
#include <string>
#include <string_view>

#include "chat/go_template/value.hpp"

namespace corral::chat::go_template {

// A space between two neighbours of which neither is a text.
[[nodiscard]] std::string print_text(std::span<const value> from);
// A space between all, and a line break.
[[nodiscard]] std::string println_text(std::span<const value> from);
// %v %s %d %q %t %f %e %g %x %X %c %% with flags, width and precision. What doesn't fit is written as Go
// does:
// %!d(string=x), %!d(MISSING).
[[nodiscard]] std::string printf_text(std::string_view format, std::span<const value> from);

}  // namespace corral::chat::go_template
