#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "chat/chat_run.hpp"

// The chat.completion objects of the OpenAI-like servers, with what differs between them as data.
namespace corral::sim {

enum class usage_unit { none, zero, words, bytes, tokens };
enum class role_text { absent, null, empty };

// How it tells the probabilities of its tokens (docs/facts/other_runtimes.md#logprobs).
enum class logprob_shape { none, llama_cpp, vllm };

struct openai_wire {
    std::string model;
    std::string id_prefix = "chatcmpl-";
    bool id_is_time = false;  // prefix and unix seconds
    bool fresh_ids = false;   // a new id for each event
    bool role_chunk = true;   // first event of a stream
    role_text role_content = role_text::empty;
    bool role_in_each = false;
    bool empty_last = false;   // the last delta is {"content":""}, not {}
    bool always_stop = false;  // finish_reason never says length
    bool full_text = false;    // each event holds the whole text so far
    usage_unit unit = usage_unit::tokens;
    bool usage_in_last = false;   // of a stream
    bool usage_if_asked = false;  // stream_options.include_usage: an event of its own
    bool cached_tokens = false;   // prompt_tokens_details
    bool timings = false;         // llama.cpp
    bool progress = false;        // return_progress: how long the prompt is, before the first piece
    bool usage_in_each = false;   // stream_options.continuous_usage_stats
    bool step_times = false;      // MindIE
    logprob_shape logprobs = logprob_shape::none;
    int indent = -1;  // of whole answers
};

// The reason of a run that vLLM's engine dropped.
constexpr const char* given_up = "given up";

enum class answer_kind { chat, completion };  // of /v1/chat/completions, of /v1/completions

class openai_answer {
public:
    openai_answer(const openai_wire& wire, bool usage_asked, answer_kind kind = answer_kind::chat);

    answer_kind kind() const { return kind_; }
    // `likeliest`: so many beside each token; nothing: none are told.
    void tell_logprobs(std::optional<int> likeliest) { likeliest_ = likeliest; }
    // What of the prompt's length and of the usage is told before the end.
    void tell_early(bool progress, bool usage) {
        progress_ = wire_.progress && progress;
        usage_in_each_ = wire_.usage_in_each && usage;
    }
    std::string role();
    // `prompt`: what was read.
    std::string piece(const std::string& text, const run_figures& prompt);
    // All events between the last piece and [DONE].
    std::string last(const run_figures& figures);
    std::string whole(const run_figures& figures) const;

private:
    nlohmann::json chunk(nlohmann::json delta, nlohmann::json finish);
    nlohmann::json logprobs_of(const std::string& text) const;
    std::string new_id() const;
    nlohmann::json usage(const run_figures& figures) const;
    std::string finish_of(const run_figures& figures) const;

    const openai_wire& wire_;
    bool usage_asked_;
    answer_kind kind_;
    std::string id_;
    long created_;
    std::string so_far_;
    bool progress_ = false;  // to be told yet
    bool usage_in_each_ = false;
    std::size_t tokens_ = 0;  // told so far
    std::optional<int> likeliest_;
};

std::string sse_event(const nlohmann::json& body);
std::string dump_text(const nlohmann::json& body, int indent = -1);

}  // namespace corral::sim
