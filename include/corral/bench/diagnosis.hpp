#pragma once
// Why a run is as slow as it is, in sentences; pure. Empty where nothing of the kind was seen.

#include <string>
#include <vector>

#include "corral/bench/measurement.hpp"

namespace corral::bench {

// What was looked at in all tests, on the clock of the run.
[[nodiscard]] box_watch watch_of(const run_record& run);

// Of the tests that did what they ask, all together; nothing where the server reports no stages.
[[nodiscard]] std::optional<stage_spans> stages_of(const run_record& run);

// A card that was at rest for more than half of the time, and the stage that kept it waiting.
[[nodiscard]] std::string low_use_text(const run_record& run);

// Waits that one client alone does not explain.
[[nodiscard]] std::string queue_text(const run_record& run);

// Speed that falls while a temperature stands at the highest of the run, at least 70 degrees.
[[nodiscard]] std::string heat_text(const run_record& run);

// These, a sick card, and a run that is slower than the one before.
[[nodiscard]] std::vector<std::string> diagnoses(const run_record& run);

}  // namespace corral::bench
