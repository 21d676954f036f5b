#pragma once
// Plays one conversation turn by turn against a server, and each of its prompts once more where the server can use
// nothing that it holds.

#include <functional>
#include <string>

#include "corral/bench/reuse_trial.hpp"

namespace corral::cli {

struct reuse_plan {
    bench::trial_target target;
    bench::reuse_record record;  // with what is known before: all but the rows
    std::string run;             // a word that no earlier run had
    unsigned turns = 10;
    std::function<void(const std::string& next)> progress;  // empty at the end
};

// Until the last turn, the first that fails, or SIGINT or SIGTERM.
[[nodiscard]] bench::reuse_record run_reuse(reuse_plan plan);

}  // namespace corral::cli
