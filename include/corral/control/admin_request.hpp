#pragma once
// The words of the admin protocol: what is asked and answered, a JSON object each.

#include <cstddef>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "corral/core/result.hpp"

namespace corral::control {

using admin_json = nlohmann::ordered_json;

// {"ok":false,"error":`why`}
[[nodiscard]] admin_json admin_refusal(std::string why);

// What a line asks, or a sentence for the asker. Nested at most `depth` deep.
[[nodiscard]] core::result<admin_json> read_admin_request(std::string_view line, std::size_t depth);

}  // namespace corral::control
