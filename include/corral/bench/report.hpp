#pragma once
// A run as text. Whatever a model wrote stays inside its fence.

#include <string>
#include <string_view>

#include "corral/bench/measurement.hpp"
#include "corral/core/result.hpp"

namespace corral::bench {

// In the layout of a published RK3588 report.
[[nodiscard]] std::string markdown_report(const run_record& run);
// A page of its own: no script, nothing from outside, charts as SVG.
[[nodiscard]] std::string html_report(const run_record& run);
// A dozen lines for a terminal of `columns`, at least 40.
[[nodiscard]] std::string summary(const run_record& run, std::size_t columns);
// `beside`: what the same was measured with, as its member "beside".
[[nodiscard]] std::string json_report(const run_record& run, const run_record* beside = nullptr);
// Two runs side by side; only tests that succeeded in both are averaged. `before` is the baseline.
[[nodiscard]] std::string markdown_comparison(const run_record& before, const run_record& after);
// What Corral costs or saves: the same tests asked of a runtime itself and through Corral, of both by our clock. The
// tokens of answers that the runtime does not count are taken from the same answer through Corral, by its letters.
[[nodiscard]] std::string beside_report(const run_record& direct, const run_record& corral);
// What json_report() wrote, as far as a comparison needs it. Fails with invalid.
[[nodiscard]] core::result<run_record> read_results(std::string_view json, const std::string& name);

}  // namespace corral::bench
