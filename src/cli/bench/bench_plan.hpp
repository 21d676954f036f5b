#pragma once
// From the words of `corral bench` to what is to be measured.

#include <optional>
#include <string>

#include "cli/base/command.hpp"
#include "cli/bench/bench_run.hpp"

namespace corral::cli {

struct bench_options {
    std::string url;    // else of the Corral of this machine
    std::string model;  // else the first that is loaded, or there
    std::optional<std::string> config;
    std::string ca_file;
    std::string out;
    std::string set = "corral";
    std::string hardware;
    std::string compare;
    std::string compare_model;
    std::string compare_key_file;
    bool is_beside = false;
    std::string beside;  // the address of a server of OpenAI's kind; empty: the model's own runtime
    std::string key_file;
    unsigned warm_up = 1;
    unsigned repeat = 1;
    unsigned concurrency = 1;
    double silence = 60;
    double first_byte = 120;
    unsigned max_tokens = 0;
    std::optional<bool> think;
    bool json = false;
    bool reuse = false;
    bool history = false;
    unsigned turns = 10;
};

// Asks the servers what they are, and makes the folder. `invalid`: wrong options or files; all else: a server that can't
// be measured.
[[nodiscard]] core::result<bench_plan> plan_of(const bench_options& options, const command_context& context);

}  // namespace corral::cli
