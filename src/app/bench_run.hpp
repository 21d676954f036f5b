#pragma once
// Runs a set of prompts against a server, and keeps what is known on disk after each test.

#include <filesystem>
#include <functional>
#include <optional>

#include "corral/bench/prompt_set.hpp"
#include "corral/bench/trial.hpp"

namespace corral::app {

struct bench_plan {
    bench::trial_target target;
    bench::prompt_set set;
    bench::run_record record;  // with what is known before: model, url, hardware, set, planned, warm_up
    unsigned repeat = 1;
    std::filesystem::path out;                // exists
    std::optional<bench::run_record> before;  // to compare with
    // After each test and each warm-up; `next` is the title of the next, empty at the end.
    std::function<void(const bench::run_record&, const std::string& next)> progress;
};

// Until the last test, or SIGINT or SIGTERM, which leave a report of what is there. Fails when nobody answers
// at the address, or when the report can't be written.
[[nodiscard]] core::result<bench::run_record> run_bench(bench_plan plan);

// `text` as the whole of `file`: written aside, synced and renamed, so that there is never half of it.
[[nodiscard]] core::result<void> write_whole(const std::filesystem::path& file, const std::string& text);

}  // namespace corral::app
