#pragma once
// Values as TOML, whatever bytes they hold.

#include <string>
#include <string_view>
#include <vector>

namespace corral::package {

// In quotes; control characters escaped, bytes that are not UTF-8 replaced by U+FFFD.
[[nodiscard]] std::string toml_string(std::string_view text);
// A whole number bare, everything else as toml_string().
[[nodiscard]] std::string toml_value(std::string_view text);
[[nodiscard]] std::string toml_list(const std::vector<std::string>& words);
// Bare where it may be.
[[nodiscard]] std::string toml_key(std::string_view name);
// On one line, at most 400 bytes.
[[nodiscard]] std::string toml_comment(std::string_view text);

}  // namespace corral::package
