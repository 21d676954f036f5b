#pragma once
// What a board's kernel says of its NPU and of itself, in files that are read one after another (`cat`): the
// load of Rockchip's NPU driver in each of its spellings, that of devfreq, memory and temperatures
// (docs/facts/other_runtimes.md#monitoring). The figures are the driver's mean since the last look.

#include <optional>
#include <string_view>

#include "corral/device/report.hpp"

namespace corral::device {

// Nothing without the load of an NPU.
[[nodiscard]] std::optional<device_report> parse_rknpu_load(std::string_view text, unsigned card);
// Nothing without any figure.
[[nodiscard]] std::optional<device_report> parse_board_files(std::string_view text, unsigned card);

}  // namespace corral::device
