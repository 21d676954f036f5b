#pragma once

#include <nlohmann/json.hpp>

#include "corral/bench/history.hpp"

namespace corral::bench {

[[nodiscard]] nlohmann::ordered_json kept_json(const kept_run& of);
[[nodiscard]] kept_run kept_from(const nlohmann::ordered_json& object);

}  // namespace corral::bench
