#pragma once

#include <atomic>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "fault_switches.hpp"
#include "runtime/kv_cache.hpp"
#include "runtime/npu.hpp"
#include "runtime/run_journal.hpp"
#include "runtime/sampling_state.hpp"
#include "runtime/text_queue.hpp"
#include "runtime/tokenizer_client.hpp"
#include "settings_store.hpp"

// The state machine of docs/facts/vendor_ax.md#state, with its omissions: stops forgotten at the start of a
// run, the prompt of a failed encode run again, the last reply never cleared, the limit that shrinks with
// every attempt.
namespace corral::sim {

struct engine_parts {
    settings_store& settings;
    fault_switches& faults;
    run_journal& journal;
    tokenizer_client& tokenizer;
    geometry_options geometry;
    int layers = 0;
    int vocabulary_size = 0;
    bool broken_layer = false;  // a layer that could not be loaded: dies at its first use
    std::string name = "sim";   // of the package
    std::vector<int> devices;   // cards; empty: the first
};

enum class run_kind { generate, chat };

class llm_engine {
public:
    explicit llm_engine(const engine_parts& parts);

    bool running() const { return running_; }
    const char* phase() const { return phase_; }
    int cached_tokens() const { return cached_; }
    // True when rows were written beyond their buffers; the original then aborts while it frees them.
    bool overran() const { return overran_; }
    bool hangs() const { return device_.hangs(); }

    text_queue& texts() { return texts_; }
    void request_stop() { stop_.request(); }
    void load_sampling(const nlohmann::json& config);
    void apply_sampling(const nlohmann::json& body);

    // Both block; both do nothing when something else is executing.
    void execute_reset(const std::string& system_prompt);
    // Returns the whole reply (or the in-band context text). For `chat` nothing enters the poll queue.
    std::string execute_run(const std::string& prompt, run_kind kind);

private:
    struct run_state {
        int id = 0;
        run_kind kind = run_kind::generate;
        scenario settings;
        token_ids output;
        token_ids pending;  // not yet decoded into a piece
        bool encoded = false;
        std::string streamed;
        std::string reply;
        const char* ended_by = "";
        nlohmann::json record;
    };

    int pick_group(int tokens) const;  // 0-based; -1: none is large enough
    bool fits(int fresh);
    bool is_beyond_a_chunk(const token_ids& ids) const;
    bool take_prompt(run_state& run, const std::string& prompt);
    bool prefill(bool encoded);
    void decode_loop(run_state& run, int at);
    int next_token(const token_ids& plan, bool never_ends, std::size_t index);
    void emit_piece(run_state& run);
    void show_busy(const run_state& run, bool busy) const;
    void finish(run_state& run, double seconds);
    struct chunk_walk {
        const char* function;
        int line;
        const char* phase;
        bool stoppable;
    };
    bool compute_chunks(const token_ids& ids, int at, const chunk_walk& how);
    std::string decode(const token_ids& ids);
    void die_of_broken_layer() const;
    void die_of_foreign_id(const token_ids& ids) const;

    engine_parts parts_;
    npu device_;
    stop_flag stop_;
    text_queue texts_;
    std::atomic<bool> running_{false};
    std::atomic<const char*> phase_{"idle"};
    std::atomic<int> cached_{0};
    std::atomic<bool> overran_{false};
    std::mutex sampling_mutex_;
    sampling_state sampling_;
    geometry_options geometry_;
    std::string name_;
    kv_cache cache_;
    token_ids system_ids_;
    token_ids prompt_ids_;  // kept between runs
    double decoded_runs_ = 0;
    std::string system_prompt_;
    std::string last_reply_;
    int limit_ = 0;   // M_now
    int group_ = -1;  // 0-based
};

}  // namespace corral::sim
