#pragma once
// Numbers in one form: JSON does not tell 3 from 3.0, and valijson does.

#include <nlohmann/json.hpp>

namespace corral::chat {

// The same value with every whole number as an integer. REQUIRES: at most a few hundred levels.
[[nodiscard]] nlohmann::json with_plain_numbers(const nlohmann::ordered_json& value);

}  // namespace corral::chat
