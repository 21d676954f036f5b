#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "chat/chat_program.hpp"
#include "chat/openai_wire.hpp"

// POST .../chat/completions of the OpenAI-like servers. How they differ is in the rules; no name is asked.
namespace corral::sim {

struct refusal {
    int status = 400;
    std::string type;
    std::string message;
    nlohmann::json more = nlohmann::json::object();  // extra members of the error
};

struct openai_rules {
    openai_wire wire;
    int context = 4096;
    int default_max_tokens = -1;
    int slots = 0;  // that keep what they computed (id_slot, cache_prompt)
    int most_max_tokens = -1;
    const char* max_tokens_key = "max_tokens";
    bool honours_max_tokens = true;
    bool honours_stop = true;
    bool shifts = false;
    bool by_character = false;
    bool several_tokens = false;  // an event may hold `timing.burst` tokens
    bool cancels = true;          // a client that leaves ends its run
    bool done_after_error = true;
    bool abort_is_stop = false;  // a run that the server's own route stopped ends as any other
    bool id_keeps_run = false;   // X-Conversation-Id: the run outlives its connection
    bool head_waits = false;     // nothing is sent before the first piece
    bool refuses_late = false;   // a stream's prompt that is too long: as an event of it
    bool hides_failure = false;  // a run that fails behind its first word ends as any other
    int ping_ms = -1;            // SSE comments in silence
    int time_limit_ms = -1;      // of silence: a bare [DONE]
    const char* stream_type = "text/event-stream";
    const char* json_type = "application/json";
    std::function<std::string(const refusal&)> error_body;
    std::function<std::string(const refusal&)> stream_error;  // one event; error_body's shape without it
    std::function<std::optional<refusal>(const nlohmann::json& body)> check;
    // What the model reads. Exceptions of the JSON library become a 500.
    std::function<std::string(const nlohmann::json& body)> prompt;
    // What it counts as the prompt where usage is no count of tokens; the prompt without it.
    std::function<std::string(const nlohmann::json& body)> counted;
    std::function<bool(const nlohmann::json& body)> marks_thought;
    std::function<std::optional<refusal>(int tokens)> too_long;
    // A refusal while busy; asked again until busy_wait_ms have passed.
    std::function<std::optional<refusal>()> busy;
    std::function<void(const std::string& prompt, const run_figures&)> done;
    std::function<void()> cancelled;             // a run was ended by its client's leaving
    std::function<void(http_exchange&)> failed;  // the answer of a failed run that is not streamed
    refusal failure{500, "server_error", "inference failed", nlohmann::json::object()};
    int dimensions = 0;    // of vectors; 0: the server was not started for them
    int longest_text = 0;  // tokens of a text that becomes a vector
    refusal no_embeddings;
    std::function<refusal(int tokens)> text_too_long;
    // The one place of servers that guard less than they say; released when a stream begins.
    bool guarded = false;
};

class openai_service {
public:
    openai_service(chat_program& program, openai_rules rules) : program_(program), rules_(std::move(rules)) {}

    // A completion's `prompt` is what the model reads.
    void answer(const chat_request& request, http_exchange& exchange, answer_kind kind = answer_kind::chat);
    void embed(const chat_request& request, http_exchange& exchange);
    void refuse(http_exchange& exchange, const refusal& why) const;
    const openai_rules& rules() const { return rules_; }
    int guarded() const { return guarded_; }

private:
    run_order order_for(const nlohmann::json& body, std::string prompt) const;
    bool admitted(http_exchange& exchange);
    void stream(http_exchange& exchange, const std::shared_ptr<chat_run>& run, openai_answer answer,
                bool ignored);
    void refuse_late(http_exchange& exchange, const refusal& why) const;
    bool finish_stream(http_exchange& exchange, openai_answer& answer, const chat_run& run);
    void whole(http_exchange& exchange, const std::shared_ptr<chat_run>& run, const openai_answer& answer,
               bool ignored);
    std::string prompt_of(const nlohmann::json& body, answer_kind kind) const;
    void client_left(const std::shared_ptr<chat_run>& run, bool ignored) const;

    chat_program& program_;
    openai_rules rules_;
    std::mutex guard_mutex_;
    std::atomic<int> guarded_{0};
};

}  // namespace corral::sim
