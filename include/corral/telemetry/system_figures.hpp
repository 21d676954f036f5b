#pragma once
// How the machine was doing: load, memory, and how long work waited for CPU, memory and disk.

#include <nlohmann/json.hpp>

namespace corral::telemetry {

// From /proc; blocks for as long as that takes. What can't be read is left out.
[[nodiscard]] nlohmann::ordered_json read_system_figures();

}  // namespace corral::telemetry
