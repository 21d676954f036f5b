#pragma once
// TOML from files that people, other programs or a power cut wrote. toml++ ends the process on some malformed
// texts: it asserts where a key is expected, and walks nested tables by recursion. Here an assertion is a
// syntax error, and depth is bounded before the text is parsed. Every include of toml++ goes through this file.

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

namespace corral::core {

// Throws; found by TOML_ASSERT.
[[noreturn]] void toml_assertion_failed(const char* condition);

}  // namespace corral::core

#pragma push_macro("NDEBUG")
#undef NDEBUG  // toml++ would take its assertions for promises
#define TOML_ASSERT(condition) \
    (static_cast<bool>(condition) ? void() : ::corral::core::toml_assertion_failed(#condition))
#define TOML_HEADER_ONLY 0  // the bodies are in src/core/toml.cpp
#include <toml++/toml.h>
#pragma pop_macro("NDEBUG")

namespace corral::core {

// Dotted keys of more parts than this are refused.
inline constexpr std::size_t most_key_parts = 64;

struct toml_error {
    std::string message;  // a sentence without its final stop
    std::size_t line = 1;
    std::size_t column = 1;
};

// `file` stands in the source regions of the tree. Never throws, but for memory.
[[nodiscard]] std::variant<toml::table, toml_error> parse_toml(std::string_view text,
                                                               const std::string& file);

}  // namespace corral::core
