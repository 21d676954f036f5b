#pragma once

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

// What a simulated program is told to be. docs/simulator.md describes every key.
namespace corral::sim {

struct timing_options {
    int load_ms = 400;
    int axcl_smi_ms = 0;
    int reset_ms = 0;
    double prefill_ms_per_chunk = 20;
    double tokens_per_second = 50;
    double decay_per_run = 0;  // each run of a process makes the next ones slower by this share
    int burst = 3;
    int worker_delay_ms = 0;
    // What a token takes behind so many runs of the process.
    [[nodiscard]] double token_ms(double runs) const {
        return 1000.0 / tokens_per_second * (1 + decay_per_run * runs);
    }
};

struct geometry_options {
    int max_token_len = 2559;
    int chunk = 128;
    std::vector<int> groups{1, 256, 512, 1024, 1536, 2048};
    int kv_cache_size = 1024;
};

struct tokenizer_options {
    std::string family = "qwen3";
    bool strict = false;
    bool no_think = true;
    bool trim = false;
    bool merge = false;
    std::string control = "exact";
    bool print_prompts = true;
    int start_ms = 0;
    int uid_ms = 0;
    int encode_ms = 0;
    int decode_ms = 0;
};

// What each run leaves behind in its process.
struct leak_options {
    int descriptors_per_run = 0;
    int kib_per_run = 0;
};

// Of the chat servers alone.
struct chat_options {
    int split_bytes = 0;
    int npu_percent = 78;
    bool http10 = false;
    int busy_wait_ms = -1;  // as long as the server waits for anything
    int stop_wait_ms = 5000;
    int release_status = 0;
};

struct scenario {
    std::string build = "axcl";
    std::string mode = "text";
    bool directives = false;
    // As the builds for pictures: there is no /api/reset, and each run begins with an empty cache.
    bool stateless = false;
    bool no_think_prefix = true;
    int cards = 1;
    int remain_cmm_mb = -1;
    timing_options timing;
    geometry_options geometry;
    bool geometry_given = false;
    tokenizer_options tokenizer;
    leak_options leak;
    chat_options chat;
};

class scenario_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// Overwrites the keys that `changes` holds. Throws scenario_error on an unknown key (naming the nearest valid
// one), a wrong type or a value out of range; the scenario is then unchanged. `faults` is left to
// fault_switches.
void apply_changes(scenario& target, const nlohmann::json& changes);

nlohmann::json to_json(const scenario& source);

// CORRAL_SIM_SCENARIO, then the single variables. Returns the `faults` object of the file (or an empty one).
nlohmann::json load_from_environment(scenario& target);

// The candidate with the fewest edits from `word`; empty when there is none.
std::string nearest_word(const std::string& word, const std::vector<std::string>& candidates);

}  // namespace corral::sim
