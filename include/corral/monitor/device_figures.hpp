#pragma once
// What is known of the accelerators, for status and for the black box.

#include <nlohmann/json.hpp>

#include "corral/core/time.hpp"
#include "corral/device/reader.hpp"

namespace corral::monitor {

// The last answer of each tool, with its age; nothing is asked. Each card is listed once, by the newest answer.
[[nodiscard]] nlohmann::ordered_json device_figures(const device::reader_set& tools, core::steady_time now);

}  // namespace corral::monitor
