#pragma once
// How a streaming chat server differs from others that speak the same protocol, as data of its profile
// ([traits] in profile.toml). The polling dialect has none of these choices. Sources:
// docs/facts/other_runtimes.md#profile-traits.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "corral/core/time.hpp"

namespace corral::catalog {

// What the server makes of a conversation.
enum class conversation_form {
    messages,        // "messages": all of them, with their roles
    folded_system,   // "folded-system": all of them, but the system prompt opens the first user message
    single_message,  // "single-message": one user message that holds everything, in the family's own format
                     // between the runtime's opening of the user turn and its closing
};

// How a run that is not wanted any more is brought to its end.
enum class cancel_method {
    disconnect,  // "disconnect": closing the connection ends it
    call,        // "call": `cancel_target` ends it
    drain,       // "drain": it is read to its end, within the scrub clock; then the runtime is restarted
    restart,     // "restart": the runtime is restarted at once
};

enum class chunk_unit { token, character, some };  // "token", "character", "some": several tokens or parts

enum class usage_trust {
    tokens,  // "tokens": the server counts tokens
    none,    // "none": it counts nothing, or words, or bytes: Corral's estimates are given
};

enum class finish_trust {
    trusted,    // "trusted": finish_reason is right
    untrusted,  // "untrusted": it always says stop; an answer that used up max_tokens ended by length
};

enum class end_mark {
    done,      // "done": the last event; without it the answer was cut
    finish,    // "finish": a finish_reason; without it the answer was cut, whatever else came
    any,       // "any": whichever of these comes first, or the end of the body
    body_end,  // "body-end": the end of the body is the only end
};

// Where a server says what a stage took.
enum class timing_source {
    none,       // "none"
    llama_cpp,  // "llama.cpp": `timings` beside the last choice
    mindie,     // "mindie": `prefill_time`, `decode_time_arr`
};

// How the server counts the tokens of a prompt when asked (docs/facts/other_runtimes.md#counting-a-prompt).
// What a server keeps of a prompt that it has computed, for one that begins like it.
enum class prefix_cache {
    none,       // nothing, or unknown
    automatic,  // by itself, within one process; no request can keep others out
    llama_cpp,  // in slots; id_slot names one, cache_prompt forbids or allows the use of what is there
    vllm,       // by itself, among the prompts that carry the same cache_salt
};

enum class count_source {
    none,       // "none": it can't be asked
    llama_cpp,  // "llama.cpp": /apply-template, then /tokenize
    vllm,       // "vllm": /tokenize
};

// How the server learns that the answer shall be JSON, and of which schema.
enum class format_form {
    none,             // "none": it holds the model to nothing
    response_format,  // "response-format": OpenAI's, for conversations and raw prompts
    llama_cpp,        // "llama.cpp": OpenAI's for conversations, `json_schema` for raw prompts
    ollama,           // "ollama": its own, which begins behind the thoughts of a conversation
};

// How the server is asked how likely the tokens were (docs/facts/other_runtimes.md#logprobs).
enum class logprob_form {
    none,       // "none": it does not tell
    llama_cpp,  // "llama.cpp": OpenAI's for conversations, `n_probs` for raw prompts
    vllm,       // "vllm": OpenAI's, that of completions included
};

// A question whose answer tells that nothing runs in the server. Empty target: there is none, and a run is
// known to be over when its answer ended, or the connection was closed.
struct idle_probe {
    std::string target;   // GET
    std::string pointer;  // JSON pointer into the answer; "*" stands for every element of an array
    std::string value;    // idle when it is this, as JSON; "0", "false"
    bool operator==(const idle_probe&) const = default;
};

// Images in messages. No types: it takes none.
struct image_trait {
    std::vector<std::string> types;  // "image/png"
    std::string tokens = "256";      // of one that was never counted: a number or a variable's name
    std::string none = "no way is known to hand images to its runtime";
    bool operator==(const image_trait&) const = default;
};

// How a server makes vectors of texts: POST {"model":…, "input":[…]}.
struct embedding_trait {
    std::string target;                           // empty: it can't
    std::string vectors = "/data/*/embedding";    // JSON pointer to the numbers of each text; one "*"
    std::string tokens = "/usage/prompt_tokens";  // JSON pointer to the tokens it read
    std::string truncate;      // the key that has it cut what is too long; empty: Corral does
    std::uint32_t batch = 32;  // texts of one call
    // What variables are for a model with the capability `embedding`, where the model does not say.
    std::vector<std::pair<std::string, std::string>> variables;
    bool operator==(const embedding_trait&) const = default;
};

struct runtime_traits {
    std::string chat_target = "/v1/chat/completions";
    std::string completion_target;  // takes a raw prompt; empty: there is none
    std::string model_name;         // sent as "model", placeholders filled in; empty: not sent
    conversation_form conversation = conversation_form::messages;
    // Wire names of the sampling values that it honours ("temperature", "top_k"); no other is sent.
    std::vector<std::string> sampling;
    std::string max_tokens = "max_tokens";  // the key; empty: it honours none, so Corral ends the run
    std::uint32_t most_tokens = 0;          // sent where the request has no limit; 0: nothing is sent
    bool streams = true;                    // false: whole answers only, silence is bridged
    bool cumulative = false;                // each chunk holds the whole text so far
    chunk_unit chunk = chunk_unit::token;
    usage_trust usage = usage_trust::tokens;
    bool asks_for_usage = false;  // stream_options.include_usage
    finish_trust finish = finish_trust::trusted;
    end_mark end = end_mark::done;
    timing_source timings = timing_source::none;
    count_source counts = count_source::none;
    catalog::prefix_cache prefix_cache = catalog::prefix_cache::none;
    format_form formats = format_form::none;
    logprob_form logprobs = logprob_form::none;
    std::vector<std::string> error_texts;  // an answer that begins so is a failure and no answer
    std::vector<unsigned> busy_statuses;   // "somebody else is in it"; asked again within the call clock
    cancel_method cancel = cancel_method::disconnect;
    std::string cancel_target;  // of "call"; GET
    idle_probe idle;
    // Runs at once: a number or a variable's name. What the server keeps apart by itself.
    std::string capacity = "1";
    // Tokens of context: a number or a variable's name; what the model says beyond it does not count. Empty:
    // only the model says.
    std::string context;
    bool context_is_shared = false;  // the runs at once have equal parts of it
    bool probe_blocks_while_generating = false;
    // How long a connection is kept between two calls, less than the server keeps it; 0: each call has its own.
    core::milliseconds keep_connections{0};
    // A key with a fixed JSON value that every request carries, "cache_prompt" = "false".
    std::vector<std::pair<std::string, std::string>> extra;
    // The key that switches thinking, as a JSON pointer ("/chat_template_kwargs/enable_thinking"); empty: the
    // family's own words do.
    std::string thinking_switch;
    embedding_trait embedding;
    image_trait images;
    bool operator==(const runtime_traits&) const = default;
};

}  // namespace corral::catalog
