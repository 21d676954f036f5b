#pragma once
// The file in which each run of this user is kept.

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "corral/bench/measurement.hpp"
#include "corral/core/result.hpp"

namespace corral::cli {

// bench/history.jsonl in the user's state directory; empty where there is none.
[[nodiscard]] std::filesystem::path history_file(const std::map<std::string, std::string>& environment);

// All that is kept; of a file that is not there nothing.
[[nodiscard]] core::result<std::vector<bench::kept_run>> kept_runs(const std::filesystem::path& file);

// The last 20 that `run` can be compared with; none where they can't be read.
[[nodiscard]] std::vector<bench::kept_run> earlier_runs(const std::filesystem::path& file,
                                                        const bench::run_record& run);

// Adds it, for two at once in turn. Blocks, for 5 s at most.
[[nodiscard]] core::result<void> keep_run(const std::filesystem::path& file, const bench::run_record& run);

}  // namespace corral::cli
