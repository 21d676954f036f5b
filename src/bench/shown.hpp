#pragma once
// How figures and foreign text are shown in a report.

#include <string>
#include <string_view>

#include "corral/bench/statistics.hpp"

namespace corral::bench {

[[nodiscard]] std::string fixed(double value, int decimals);
[[nodiscard]] std::string with_commas(std::int64_t value);  // 1,225
// In a fence that is longer than any run of backticks in it.
[[nodiscard]] std::string fenced(std::string_view text);
// On one line, without what would be a table's or a heading's; at most 300 bytes.
[[nodiscard]] std::string on_one_line(std::string_view text);
// "### Performance Analysis" and on: sentences from thresholds.
[[nodiscard]] std::string observations(const run_record& run, const totals& all);
[[nodiscard]] std::string conclusion(const run_record& run, const totals& all);

}  // namespace corral::bench
