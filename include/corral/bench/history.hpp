#pragma once
// Earlier runs, so that "it became slower" has an answer. Pure; whoever keeps them writes the lines.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace corral::bench {

struct run_record;

// What is kept of a run.
struct kept_run {
    std::string generated;
    std::string model;
    std::string url;
    std::string set;
    unsigned concurrency = 1;
    std::size_t tests = 0;
    std::size_t successes = 0;
    std::optional<double> speed;     // tok/s, the median
    std::optional<double> first_ms;  // at the client, the median
    std::optional<double> load_percent;
    std::optional<double> temperature_c;  // the highest
    // Where the cause of another speed may be; empty: not known.
    std::string corral;
    std::string server;
    std::string profile;
    std::string package;
    std::string digest;
    std::string driver;
    std::string kernel;
    std::string hardware;
};

[[nodiscard]] kept_run kept_of(const run_record& run);

// A line of JSON for each.
[[nodiscard]] std::string history_lines(const std::vector<kept_run>& runs);
// Lines that are none are left out.
[[nodiscard]] std::vector<kept_run> read_history(std::string_view lines);

// With `fresh` at the end, within 1000 runs and 900 KB of lines; the oldest of the model that has most go first.
[[nodiscard]] std::vector<kept_run> with_run(std::vector<kept_run> runs, kept_run fresh);

// The runs that `like` can be compared with: same model, server, set and number of clients. At most `most`, the last.
[[nodiscard]] std::vector<kept_run> comparable(const std::vector<kept_run>& runs, const kept_run& like,
                                               std::size_t most);

// "driver 3.6.2 → 3.6.4, Corral 1.0 → 1.1"; empty: nothing that both report.
[[nodiscard]] std::string changes_between(const kept_run& before, const kept_run& after);

// Of a run that is a tenth or more slower than the last one before it, and what changed; else empty.
[[nodiscard]] std::string slower_text(const std::vector<kept_run>& before, const kept_run& now);

// A table for each that can be compared with one another.
[[nodiscard]] std::string history_text(const std::vector<kept_run>& runs, std::size_t columns);
[[nodiscard]] std::string history_json(const std::vector<kept_run>& runs);

}  // namespace corral::bench
