#pragma once
// Runs a set of prompts against a server, and keeps what is known on disk after each test.

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "cli/bench/bench_watch.hpp"
#include "corral/bench/prompt_set.hpp"
#include "corral/bench/trial.hpp"

namespace corral::cli {

// One server, and what is found there.
struct bench_side {
    bench::trial_target target;
    bench::run_record record;              // with what is known before, as learn_server() has it
    std::filesystem::path out;             // exists
    bool by_itself = false;                // the model's runtime without Corral
    std::shared_ptr<box_watcher> watcher;  // null: the box is not looked at, and the record says why
};

class own_runtime;

struct bench_plan {
    bench_side side;
    std::optional<bench_side> other;  // measured in turn with it, test by test, as its baseline
    bench::prompt_set set;
    unsigned repeat = 1;
    bool beside = false;  // `other` is what Corral is measured beside, and has its table
    // `other` is the model's runtime without Corral, started for this; null: it is there already.
    std::shared_ptr<own_runtime> own;
    std::filesystem::path history_file;       // of all runs of this user; empty: nowhere
    std::optional<bench::run_record> before;  // of an earlier run, to compare with; not beside `other`
    // After each test and each warm-up; `next` is the title of the next, empty at the end.
    std::function<void(const bench::run_record&, const std::string& next)> progress;
};

// Until the last test, or SIGINT or SIGTERM, which leave a report of what is there. Of two servers each has
// its turn at every test, now one and now the other first, so that neither always finds the box warm. Fails
// when the server takes no key or has no such model, or when the report can't be written.
struct bench_records {
    bench::run_record own;
    std::optional<bench::run_record> other;  // of a plan with one
};

[[nodiscard]] core::result<bench_records> run_bench(bench_plan plan);

// `text` as the whole of `file`: written aside, synced and renamed, so that there is never half of it.
[[nodiscard]] core::result<void> write_whole(const std::filesystem::path& file, const std::string& text);

}  // namespace corral::cli
