#pragma once
// The table that axcl-smi prints when it is asked nothing (docs/facts/vendor_ax.md#axcl-smi-table), two lines
// a card and a list of processes. Copies of it in the wild have lost their columns, so only bars, words and
// units count.

#include <optional>
#include <string_view>

#include "corral/device/report.hpp"

namespace corral::device {

// A table without any card is believed only when it is whole: with its title and its list of processes.
[[nodiscard]] std::optional<device_report> parse_axcl_smi_table(std::string_view text, unsigned card);

}  // namespace corral::device
