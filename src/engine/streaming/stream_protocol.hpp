#pragma once
// What differs between servers that answer one POST with a stream: how a run is asked for, and how its answer
// reads. A dialect of this kind is a stream_protocol; connecting, clocks, retries, cancelling and the
// processes are the same for all (stream_run.hpp, stream_backend.hpp).

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "corral/catalog/profile.hpp"
#include "corral/core/result.hpp"
#include "corral/core/say.hpp"
#include "corral/engine/backend.hpp"
#include "corral/http/message.hpp"
#include "corral/http/reply_stream.hpp"
#include "engine/streaming/context_refusal.hpp"

namespace corral::engine::streaming {

struct stream_request {
    std::string target;
    std::string body{};  // JSON
    http::header_fields headers{};
    std::vector<http::body_insert> inserts{};  // images, in the order of their places
};

// What one answer says, in the order in which it says it.
struct text_part {
    std::string text;
};
// Thinking that the server took out of the text (`reasoning_content`).
struct thinking_part {
    std::string text;
};
// Of tokens whose text follows.
struct logprobs_part {
    chat::token_logprobs tokens;
};
struct usage_part {
    std::uint32_t prompt_tokens = 0;
    std::uint32_t generated_tokens = 0;
    std::uint32_t cached_tokens = 0;  // of the prompt
};
// Of the prompt alone, before the answer begins.
struct prompt_part {
    std::uint32_t tokens = 0;
    std::uint32_t cached_tokens = 0;
};
struct stages_part {
    reported_stages stages;
};
// The server's word for why it ended.
struct finish_part {
    enum class reason { stop, length, other };
    reason why = reason::stop;
    std::string word;  // as it came
};
// The server gave up in the middle of its answer, or says in a whole answer that it failed.
struct error_part {
    unsigned status = 0;  // 0: it named none
    std::string message;
    std::optional<context_refusal> context{};  // the prompt does not fit
    bool busy = false;
};
// Nothing more belongs to the answer, whatever follows.
struct end_part {};
using answer_part = std::variant<text_part, thinking_part, logprobs_part, prompt_part, usage_part,
                                 stages_part, finish_part, error_part, end_part>;

// What the server says when asked how long a prompt is: the count, or the text that is to be counted.
struct size_answer {
    std::optional<std::uint32_t> tokens;
    std::string text;
};

// What the server says of its context, in tokens; 0: it does not say.
struct stated_sizes {
    std::uint32_t context = 0;
    std::uint32_t prompt = 0;  // the longest
};

// Reads one answer in pieces cut anywhere. Never throws; input is hostile.
class answer_reader {
public:
    virtual ~answer_reader() = default;
    // Appends to `out`. A failure (errc::protocol, errc::limit_exceeded): this is no answer of that protocol,
    // and nothing more may be fed.
    [[nodiscard]] virtual core::result<void> feed(std::string_view bytes, std::vector<answer_part>& out) = 0;
    // The body is complete. Whether it may end here is the trait's to say (catalog::end_mark), not this
    // one's.
    [[nodiscard]] virtual core::result<void> finish(std::vector<answer_part>& out) = 0;
};

// Of a server that gives the stream elsewhere than it takes the request: makes `call` the next one, by the answer to it.
// False: that was the answer itself. Asked behind each POST.
using next_call = std::function<bool(http::stream_call& call, unsigned status, std::string_view body)>;

class stream_protocol {
public:
    virtual ~stream_protocol() = default;
    // errc::refused with a sentence for the client: this server can't be asked that.
    [[nodiscard]] virtual core::result<stream_request> request_for(const run_spec& spec) const = 0;
    // Empty: the answer to the request is the stream.
    [[nodiscard]] virtual next_call next() const { return {}; }
    // Of an answer with status 200 to that request.
    [[nodiscard]] virtual std::unique_ptr<answer_reader> reader(const run_spec& spec) const = 0;
    // What a whole answer with another status says.
    [[nodiscard]] virtual error_part error_of(unsigned status, std::string_view body) const = 0;
    // The question (POST) how many tokens `prompt` is, or the one after it, with the text of the first answer.
    // Nothing: this server can't be asked.
    [[nodiscard]] virtual std::optional<stream_request> size_question(
        const chat::rendered_prompt& /*prompt*/, const std::optional<std::string>& /*text*/) const {
        return std::nullopt;
    }
    [[nodiscard]] virtual core::result<size_answer> size_in(std::string_view /*body*/) const {
        return core::make_failure(core::errc::refused, core::say("runtime.given-up/server"));
    }
    // A question (GET) about the model; empty: there is none.
    [[nodiscard]] virtual std::string model_question() const { return {}; }
    [[nodiscard]] virtual stated_model model_in(std::string_view /*body*/) const { return {}; }
    [[nodiscard]] virtual stated_sizes sizes_in(std::string_view /*body*/) const { return {}; }
    // Of a line that the server prints before it serves.
    [[nodiscard]] virtual stated_sizes sizes_in_line(std::string_view /*line*/) const { return {}; }
    // The model's template has the system prompt before the newest question.
    virtual void note_system_at_question(bool /*so*/) {}
    [[nodiscard]] virtual bool has_system_at_question() const { return false; }
    // As backend_facts::needs_system_prompt.
    [[nodiscard]] virtual bool needs_system_prompt() const { return false; }
    // It refuses a limit that does not fit into the context behind the prompt.
    [[nodiscard]] virtual bool limit_must_fit() const { return false; }
};

}  // namespace corral::engine::streaming
