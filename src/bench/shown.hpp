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
// "Corral 1.0, profile axllm, qwen3, 4B, w8a16": what is known of a server and its model.
[[nodiscard]] std::string facts_text(const run_record& run);
// "Raspberry Pi 5, card 0 AX650N, kernel 6.1.0"; may be empty.
[[nodiscard]] std::string hardware_text(const run_record& run);
// "9 of 10 tests as asked, 1 that the model can't do"
[[nodiscard]] std::string successes_text(const totals& all);
// "### Performance Analysis" and on: sentences from thresholds.
[[nodiscard]] std::string memory_text(const run_record& run, const totals& all);
// "num_npu_cores 3, temperature 0.8": what is known of them; may be empty.
[[nodiscard]] std::string settings_text(const run_record& run);
[[nodiscard]] std::string observations(const run_record& run, const totals& all);
[[nodiscard]] std::string conclusion(const run_record& run, const totals& all);

// Words at the terminal's width; the lines after the first are indented.
[[nodiscard]] std::string wrapped(const std::string& text, std::size_t columns);
// "+10%"; empty where one is not known.
[[nodiscard]] std::string speed_change(const std::optional<double>& before,
                                       const std::optional<double>& after);

// Sections on the box, the stages and earlier runs; each empty where nothing is known of it.
[[nodiscard]] std::string box_markdown(const run_record& run);
[[nodiscard]] std::string stages_markdown(const run_record& run);
[[nodiscard]] std::string history_markdown(const run_record& run);
[[nodiscard]] std::string box_rows_markdown(const measurement& seen);  // of the table of a test
[[nodiscard]] std::string box_html(const run_record& run);
[[nodiscard]] std::string stages_html(const run_record& run);
[[nodiscard]] std::string history_html(const run_record& run);

}  // namespace corral::bench
