#pragma once
// JSON from outside: one rule of depth and size for all of it. nlohmann's parser makes a tree of any depth, and
// what then walks it by recursion (dump, copy, compare) overflows the stack.

#include <cstddef>
#include <string_view>

#include <nlohmann/json.hpp>

namespace corral::core {

struct json_limits {
    std::size_t depth = 32;                  // of nested containers
    std::size_t bytes = 16UL * 1024 * 1024;  // of text
};

// Whether `text` keeps to `limits`, by a count of brackets outside of strings; it need not be JSON.
[[nodiscard]] bool within_limits(std::string_view text, json_limits limits) noexcept;

// Discarded (`is_discarded()`) where `text` is no JSON or exceeds `limits`.
template <typename Json = nlohmann::json>
[[nodiscard]] Json parse_json(std::string_view text, json_limits limits = {}) {
    return within_limits(text, limits) ? Json::parse(text, nullptr, false)
                                       : Json(nlohmann::json::value_t::discarded);
}

}  // namespace corral::core
