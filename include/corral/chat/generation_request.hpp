#pragma once
// One request in the form that everything behind `api` knows; nothing here tells which wire format filled it.

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "corral/core/time.hpp"

namespace corral::chat {

enum class role { system, user, assistant, tool };

struct tool_call {
    std::string id;
    std::string name;
    nlohmann::ordered_json arguments;  // an object
};

// As it came, byte for byte.
struct image {
    std::string type;        // "image/png"; empty: none that is known
    std::string base64;      // without line breaks
    std::uint64_t mark = 0;  // of its bytes, by a key of this process: others have another
};
using image_list = std::vector<std::shared_ptr<const image>>;

struct message {
    role from = role::user;
    std::string content;
    std::string thinking;          // of an earlier assistant turn
    std::vector<tool_call> calls;  // of an earlier assistant turn
    std::string tool_name;         // of a tool result
    std::string tool_call_id;      // of a tool result
    image_list images;             // before the content
    bool thought = false;          // of an answer to be gone on with: its thinking is over
};

// Sampling as asked for; absent means the manifest's default, then the runtime's.
struct sampling {
    std::optional<double> temperature;
    std::optional<std::int64_t> top_k;
    std::optional<double> top_p;
    std::optional<double> min_p;
    std::optional<double> repeat_penalty;
    std::optional<std::int64_t> repeat_last_n;
    std::optional<double> presence_penalty;
    std::optional<double> frequency_penalty;
    std::optional<std::int64_t> seed;
};

// Every member of `sampling`, by Ollama's name for it. Reading, defaults, reports and remote servers go by this table.
struct sampling_option {
    std::string_view name;
    std::variant<std::optional<double> sampling::*, std::optional<std::int64_t> sampling::*> value;
    std::string_view other_name{};  // that some OpenAI-like servers have for it
};
inline constexpr std::array<sampling_option, 9> sampling_options{{
    {"temperature", &sampling::temperature},
    {"top_k", &sampling::top_k},
    {"top_p", &sampling::top_p},
    {"min_p", &sampling::min_p},
    {"repeat_penalty", &sampling::repeat_penalty, "repetition_penalty"},
    {"repeat_last_n", &sampling::repeat_last_n},
    {"presence_penalty", &sampling::presence_penalty},
    {"frequency_penalty", &sampling::frequency_penalty},
    {"seed", &sampling::seed},
}};

struct limits {
    std::optional<std::int64_t> num_predict;  // 0 or less: until the end
    std::optional<std::int64_t> num_ctx;      // wanted context in tokens; clamped to the model's
    std::vector<std::string> stops;           // empty strings are ignored
    bool stops_given = false;                 // `stops` takes the place of the model's own, also when empty
    bool truncate = true;                     // shorten a conversation that is too long
};

// Whether a person waits for the answer, as the client or the operator says; else its shape does.
enum class priority_class { by_shape, interactive, batch };

enum class thinking_mode { model_default, off, on };

// A text with a hole, for models with the capability `insert`.
struct fill_in_middle {
    std::string prefix;
    std::string suffix;
};

struct generation_request {
    std::string id;           // unique in this process, for the log
    std::string client;       // who asks: an API key's name, else the share of the peer's addresses
    std::string address;      // for the log where it says more than `client`: the peer's; else empty
    std::string owner;        // the API key's name, whose prompts are its own; empty: no key was needed
    std::string model_typed;  // as the client wrote it
    std::string model;        // resolved name
    // What to answer: exactly one of a conversation, a text that goes to the model as it is, or a hole.
    std::vector<message> messages;
    std::optional<std::string> raw_prompt;
    std::optional<fill_in_middle> hole;
    // A Go template that takes the place of the model's chat format for this request; empty: none.
    std::string prompt_template;
    chat::sampling sampling;
    chat::limits limits;
    thinking_mode thinking = thinking_mode::model_default;
    std::string effort;                      // "low" ... "max", with thinking on; empty: none was said
    nlohmann::ordered_json tools = nullptr;  // null or an array
    std::vector<std::string>
        must_call;          // the answer is a call of one of these tools; empty: as the model likes
    bool one_call = false;  // at most
    nlohmann::ordered_json format = nullptr;  // null, "json", or a schema object
    // Tell how likely each token was, and so many of the likeliest in its place; nothing: not asked.
    std::optional<std::uint32_t> top_logprobs;
    bool shows_thinking = true;  // false: the answer's format has no place for it
    // How long the model stays loaded after this request; nanoseconds::max(): forever; absent: as before.
    std::optional<core::nanoseconds> keep_alive;
    // Options the client gave that no runtime here has a use for, by their name on the wire; logged once.
    std::vector<std::string> unused_options;
    priority_class priority = priority_class::by_shape;
    bool idle_work = false;  // of the box itself: no client waits for its answer
    core::steady_time arrived;
    core::deadline until;
};

}  // namespace corral::chat
