#pragma once
// The figures of a report. All run over successes alone, so that a failed request never looks fast.

#include <optional>
#include <vector>

#include "corral/bench/measurement.hpp"

namespace corral::bench {

struct spread {
    double average = 0;
    double median = 0;  // of an even count the mean of the middle two
    double least = 0;
    double most = 0;
    double p90 = 0;  // nearest rank: values that were measured
    double p99 = 0;
    double deviation = 0;  // standard deviation; 0 of one value
};
[[nodiscard]] std::optional<spread> spread_of(std::vector<double> values);

// Tokens by the server; none where it doesn't say.
[[nodiscard]] std::optional<double> decode_speed(const measurement& of);      // tok/s without the prefill
[[nodiscard]] std::optional<double> end_to_end_speed(const measurement& of);  // tok/s of the whole request
[[nodiscard]] double first_token_ms(const measurement& of);  // the server's prefill, else by our clock
[[nodiscard]] std::optional<double> client_first_ms(const measurement& of);  // by our clock
[[nodiscard]] std::vector<double> gaps_ms(const measurement& of);            // between pieces, by our clock
[[nodiscard]] std::optional<double> input_speed(const measurement& of);      // input tokens / first token

// first token = base + per_token * input tokens, by least squares.
struct line_fit {
    double base_ms = 0;
    double per_token_ms = 0;
};

struct totals {
    std::size_t tests = 0;  // without the interrupted and those that the model can't do
    std::size_t successes = 0;
    std::size_t timed_out = 0;
    std::size_t truncated = 0;
    std::size_t repeating = 0;
    std::size_t wrong = 0;
    std::size_t unable = 0;
    std::int64_t input_tokens = 0;
    std::int64_t output_tokens = 0;
    std::optional<spread> speed;
    std::optional<spread> end_to_end;
    std::optional<spread> first_token;
    std::optional<spread> runtime_first;     // of those where the server reports it
    std::optional<spread> client_first;      // the first piece, by our clock
    std::optional<spread> gap;               // between pieces, by our clock
    std::optional<spread> throughput;        // tok/s of all clients together, of each round of a test
    std::optional<double> input_processing;  // mean of the tests' ratios
    std::optional<spread> memory_mb;
    std::optional<line_fit> fit;  // of three tests or more; nothing where it falls or begins below 0
    bool by_runtime = false;      // all decode speeds are by the server's own clock
    bool in_ms = false;
};
[[nodiscard]] totals total_up(const run_record& run);

}  // namespace corral::bench
