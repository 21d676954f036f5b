#pragma once
// The subset of Go's print functions that prompts need.

#include <span>
#include <string>
#include <string_view>

#include "chat/go_template/value.hpp"

namespace corral::chat::go_template {

// A space between two neighbours that are both no strings.
[[nodiscard]] std::string print_text(std::span<const value> from);
// Spaces between all of them, and a line break.
[[nodiscard]] std::string println_text(std::span<const value> from);
// %v %s %d %q %t %f %e %g %x %X %c %% with flags, width and precision. Mismatches are written as in Go:
// %!d(string=x), %!d(MISSING).
[[nodiscard]] std::string printf_text(std::string_view format, std::span<const value> from);

}  // namespace corral::chat::go_template
