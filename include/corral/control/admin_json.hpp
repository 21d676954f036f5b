#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace corral::control {

using admin_json = nlohmann::ordered_json;

// {"ok":false,"error":`why`}
[[nodiscard]] admin_json admin_refusal(std::string why);

}  // namespace corral::control
