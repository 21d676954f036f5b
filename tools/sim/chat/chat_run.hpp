#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "runtime/npu.hpp"

namespace corral::sim {

struct run_figures {
    std::string reason = "stop";  // stop, length, abort, error, timeout
    int prompt_tokens = 0;
    int cached_tokens = 0;  // of these, not computed anew
    int output_tokens = 0;
    double prefill_ms = 0;
    std::vector<double> decode_ms;
    std::string prompt_text;  // what a server that counts words or bytes takes for the prompt
    std::string text;
};

// What a server asks of its model, after its own template.
struct run_order {
    std::string prompt;
    std::string counted;   // what usage counts as the prompt; empty: the prompt
    nlohmann::json asked;  // goes into the record: messages, sampling, whatever the server read
    int max_tokens = -1;   // -1: until the context is full
    std::vector<std::string> stops;
    int context = 4096;
    bool shifts = false;     // past the context it goes on and forgets its beginning
    int slots = 0;           // that keep what they computed; 0: nothing is kept
    int slot = -1;           // the one that was asked for; -1: the one that holds most of the prompt
    bool uses_cache = true;  // cache_prompt
    int piece_tokens = 1;
    bool by_character = false;   // a piece for each character
    bool marks_thought = false;  // <think> and </think> are put around an answer that has none
    std::function<void(const run_figures&)> done;  // before anybody learns of the end
};

// One generation between the thread that makes it and the one that sends it.
class chat_run {
public:
    enum class step { piece, end, nothing };

    // The next piece, or the end, or nothing within the time.
    step next(std::string& text, std::chrono::milliseconds patience);
    // The model stops at its next step.
    void cancel();
    bool cancelled() const { return stop_.requested(); }
    // Only after the end.
    const run_figures& figures() const { return figures_; }
    // From the first piece on: of the prompt alone.
    const run_figures& prompt() const { return prompt_; }

    void mark_thought() { marks_ = true; }  // before any piece

    // For the engine.
    void has_read(const run_figures& prompt);  // before any piece
    void push(const std::string& text);
    void finish(run_figures figures);
    stop_flag& stop() { return stop_; }

private:
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::string> pieces_;
    bool ended_ = false;
    bool marks_ = false;
    bool opened_ = false;  // by such a mark
    run_figures figures_;
    run_figures prompt_;
    stop_flag stop_;
};

}  // namespace corral::sim
