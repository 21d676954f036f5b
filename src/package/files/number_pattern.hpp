#pragma once
// Names of numbered files: one %d, as the runtimes give it to sprintf (docs/facts/vendor_ax.md#command-line).

#include <cstdint>
#include <string>
#include <string_view>

namespace corral::package {

// Why `pattern` is none, "has no %d for the number"; "" when it is one. Any other '%' is refused: in the
// runtime's hands it would read memory.
[[nodiscard]] std::string number_pattern_problem(std::string_view pattern);

// REQUIRES: a pattern.
[[nodiscard]] std::string expand_number(std::string_view pattern, std::uint64_t number);

}  // namespace corral::package
