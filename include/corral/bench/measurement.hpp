#pragma once
// What was seen of one request, and of a whole run. Only what was measured or what the server said.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "corral/bench/prompt_set.hpp"

namespace corral::bench {

enum class ending { success, timed_out, failed, interrupted };

struct measurement {
    ending how = ending::failed;
    std::string reason;  // a sentence where it is no success
    double total_s = 0;  // by our clock, from the request to its last line or its failure
    std::optional<double> first_piece_s;
    std::optional<std::int64_t> input_tokens;   // by the server
    std::optional<std::int64_t> output_tokens;  // by the server
    std::optional<double> prefill_s;            // by the server, believed
    std::optional<double> decode_s;             // by the server, believed
    bool durations_in_ms = false;  // the server put milliseconds where the protocol has nanoseconds
    std::size_t pieces = 0;        // of text, thinking or tool calls
    std::size_t tool_calls = 0;
    std::string text;
    std::string thinking;
    bool truncated = false;  // ended by the limit of tokens
    bool repeats = false;
    std::optional<double> memory_mb;
};

struct test_result {
    prompt_test test;
    unsigned repetition = 1;
    measurement seen;
};

struct run_record {
    std::string model;
    std::string url;
    std::string server;  // its version, or empty
    std::string hardware;
    std::string set;
    std::string generated;  // YYYY-MM-DD HH:MM:SS
    double duration_s = 0;
    unsigned planned = 0;  // tests times repetitions
    unsigned warm_up = 0;
    bool interrupted = false;
    std::vector<std::pair<std::string, double>> sampling;  // what the server says of the model
    std::vector<test_result> results;
};

// Durations of one answer in the protocol's nanoseconds, checked against our own clock: a server that writes
// milliseconds is seen through, a figure that can't be is dropped.
struct told_durations {
    std::optional<double> prefill_s;
    std::optional<double> decode_s;
    bool in_ms = false;
};
[[nodiscard]] told_durations believe(std::int64_t prefill_raw, std::int64_t decode_raw, double total_s);

// Whether the end of `text` says the same again and again (six times or more, 200 bytes or more in all).
[[nodiscard]] bool repeats_itself(std::string_view text);

}  // namespace corral::bench
