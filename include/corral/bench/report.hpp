#pragma once
// A run as text. Whatever a model wrote stays inside its fence.

#include <string>
#include <string_view>

#include "corral/bench/measurement.hpp"
#include "corral/core/result.hpp"

namespace corral::bench {

[[nodiscard]] std::string markdown_report(const run_record& run);
[[nodiscard]] std::string csv_report(const run_record& run);  // RFC 4180
[[nodiscard]] std::string json_report(const run_record& run);
// Two runs side by side; only tests that succeeded in both are averaged. `before` is the baseline.
[[nodiscard]] std::string markdown_comparison(const run_record& before, const run_record& after);
// What json_report() wrote, as far as a comparison needs it. Fails with invalid.
[[nodiscard]] core::result<run_record> read_results(std::string_view json, const std::string& name);

}  // namespace corral::bench
