#pragma once
// JSON as chat templates print it.

#include <string>

#include <nlohmann/json.hpp>

namespace corral::chat {

// With ", " and ": " between the parts, key order kept, non-ASCII raw: what models saw in training.
[[nodiscard]] std::string spaced_json(const nlohmann::ordered_json& value);

// The same over many lines, four spaces a level.
[[nodiscard]] std::string indented_json(const nlohmann::ordered_json& value);

}  // namespace corral::chat
