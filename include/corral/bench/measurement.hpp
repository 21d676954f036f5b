#pragma once
// What was seen of one request, and of a whole run. Only what was measured or what the server said.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "corral/bench/box_watch.hpp"
#include "corral/bench/history.hpp"
#include "corral/bench/prompt_set.hpp"
#include "corral/bench/stages.hpp"

namespace corral::bench {

// wrong: a whole answer that isn't what the test asks for; unable: the model can't do that, and says so.
enum class ending { success, timed_out, failed, interrupted, wrong, unable };

struct measurement {
    ending how = ending::failed;
    std::string reason;  // a sentence where it is no success
    double total_s = 0;  // by our clock, from the request to its last line or its failure
    std::optional<double> first_piece_s;
    std::vector<double> piece_s;                // when each came, by our clock; the first 20,000
    std::optional<std::int64_t> input_tokens;   // by the server
    std::optional<std::int64_t> output_tokens;  // by the server
    std::optional<double> prefill_s;            // by the server, believed
    std::optional<double> decode_s;             // by the server, believed
    bool durations_in_ms = false;  // the server put milliseconds where the protocol has nanoseconds
    std::size_t pieces = 0;        // of text, thinking or tool calls
    std::size_t tool_calls = 0;
    std::vector<std::string> called;  // the names of the first 16 calls
    std::string text;
    std::string thinking;
    bool truncated = false;  // ended by the limit of tokens
    bool repeats = false;
    std::optional<double> memory_mb;
    std::optional<stage_spans> stages;  // by the server's clocks
    box_watch box;                      // of clients at once only the first has it
    unsigned refused = 0;               // the HTTP status, where it is not 200
};

struct test_result {
    prompt_test test;
    unsigned repetition = 1;
    unsigned client = 1;  // of those that ask at once
    double began_s = 0;   // since the begin of the run
    measurement seen;
};

// What a server reports of itself and of the model; empty: it doesn't.
struct server_facts {
    std::string corral;   // its version, of a Corral
    std::string profile;  // of the runtime; of other servers the format of the model's file
    std::string family;
    std::string parameters;
    std::string quantization;
    std::string package;
    std::string digest;
    std::string driver;                     // "axcl-smi 3.6.2", by the status tool
    std::string kernel;                     // of the box
    std::string counts;                     // "tokens estimated" where the runtime counts none
    std::optional<std::int64_t> npu_cores;  // that the model was made for, or was given
    std::optional<std::int64_t> cpu_mask;   // a bit for each processor that the runtime may use
    std::optional<std::int64_t> threads;    // that the runtime was given
    std::vector<std::string> capabilities;  // none: it reports none, so that any may be there
};

struct run_record {
    std::string model;
    std::string url;
    std::string server;  // its version, or empty
    std::string hardware;
    server_facts facts;
    std::string set;
    std::string generated;  // YYYY-MM-DD HH:MM:SS
    double duration_s = 0;
    unsigned planned = 0;  // tests times repetitions times clients
    unsigned concurrency = 1;
    unsigned warm_up = 0;
    bool interrupted = false;
    std::vector<std::pair<std::string, double>> sampling;  // what the server says of the model
    std::vector<test_result> results;
    std::string unwatched;          // why the box was not watched; empty: it was
    std::vector<kept_run> history;  // earlier runs that this one can be compared with
};

// Durations of one answer in the protocol's nanoseconds, checked against our own clock: a server that writes
// milliseconds is seen through, a figure that can't be is dropped.
struct plausible_durations {
    std::optional<double> prefill_s;
    std::optional<double> decode_s;
    bool in_ms = false;
};
[[nodiscard]] plausible_durations believe(std::int64_t prefill_raw, std::int64_t decode_raw, double total_s);

// Whether the end of `text` says the same again and again (six times or more, 200 bytes or more in all).
[[nodiscard]] bool repeats_itself(std::string_view text);

}  // namespace corral::bench
