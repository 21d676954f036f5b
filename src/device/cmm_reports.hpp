#pragma once
// The two places that tell of the model memory alone: `axcl-smi info --cmm` and the board's own
// /proc/ax_proc/mem_cmm_info (docs/facts/vendor_ax.md#axcl-smi-calls, #on-the-board). Neither names the card
// as --devices counts it: what they print as "Device ID" is a PCIe bus number.

#include <optional>
#include <string_view>

#include "corral/device/report.hpp"

namespace corral::device {

// One block a card; with several the first is `card`, and so on.
[[nodiscard]] std::optional<device_report> parse_axcl_smi_cmm(std::string_view text, unsigned card);

// Its summary line: " total size=3145728KB(3072MB),used=18876KB(18MB + 444KB),remain=3126852KB(...),...".
[[nodiscard]] std::optional<device_report> parse_mem_cmm_info(std::string_view text, unsigned card);

}  // namespace corral::device
