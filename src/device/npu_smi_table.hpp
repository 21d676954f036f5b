#pragma once
// What Ascend's npu-smi prints (docs/facts/other_runtimes.md#monitoring): a table of chips, two lines for
// each, and behind it one of processes. Boards (310B) have one pair of memory figures, which is the host's
// own memory; cards have it beside their own, and that of the models is the last. Copies in which a chip has
// a single line are read too, and so is the answer of `npu-smi info -t health` behind the table.

#include <optional>
#include <string_view>

#include "corral/device/report.hpp"

namespace corral::device {

[[nodiscard]] std::optional<device_report> parse_npu_smi_table(std::string_view text, unsigned card);

}  // namespace corral::device
