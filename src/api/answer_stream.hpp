#pragma once
// From a request to the bytes of its answer, the same for every wire format: the status line waits for the
// first event, silence is broken, one write an event (docs/design.md#clients-and-time).

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "corral/api/wire_format.hpp"
#include "corral/scheduler/scheduler.hpp"

namespace corral::api {

// An answer as a whole.
struct whole_answer {
    std::string text;
    std::string thinking;
    std::vector<chat::tool_call> calls;
    chat::token_logprobs logprobs;
    std::variant<chat::finished_event, chat::failed_event> end;
};

// How one route writes one answer, streamed or whole.
class answer_format {
public:
    virtual ~answer_format() = default;
    [[nodiscard]] virtual http::response_head head() = 0;
    // The tokens of a prompt that was shortened, where they are known before the opening.
    virtual void shortened_to(std::uint32_t /*prompt_tokens*/) {}
    // What comes before any event; may be empty.
    [[nodiscard]] virtual std::string opening() { return {}; }
    // All bytes for `event`, which may be consumed. A finished or failed event is the last; what closes the
    // stream is part of it.
    [[nodiscard]] virtual std::string encode(chat::generation_event& event) = 0;
    // Known clients of this format overlook a failure within a stream, so that half an answer looks whole.
    [[nodiscard]] virtual bool hides_failures() const { return false; }
    // Bytes that mean nothing and show that the server lives.
    [[nodiscard]] virtual std::string keep_alive() = 0;
    // A line that begins with a colon may stand before it, as in event streams.
    [[nodiscard]] virtual bool takes_comments() const { return true; }
    // The client's stop text that ended the answer, given before its end.
    virtual void stopped_by(std::string_view /*text*/) {}
    // The body of the answer as a whole, and its type.
    [[nodiscard]] virtual std::string whole(const whole_answer& answer, const chat::finished_event& end) = 0;
    [[nodiscard]] virtual const char* whole_type() const = 0;
    // The answer to a request that failed before its first byte.
    [[nodiscard]] virtual http::response refusal(const chat::failed_event& why, bool streamed) = 0;
};

// Runs `what` and sends its answer, as a stream if `stream`. A failure before the first byte is a status code, a
// later one is encoded. Returns when the answer has ended or the client has gone. REQUIRES: `context` and
// `incoming` outlive the call.
[[nodiscard]] core::awaitable<void> run_and_answer(const api_context& context, const http::request& incoming,
                                                   chat::generation_request request, generation::served model,
                                                   std::unique_ptr<answer_format> format, bool stream,
                                                   http::response_writer& out);

// Takes what Corral itself had written into earlier answers out of them: it was not the model's.
void remove_notes(std::vector<chat::message>& history);

// Headers that tell what happened to the request: Corral-Dropped-Messages (messages left out because the
// conversation was too long), Corral-Queue-Position and Corral-Queue-Estimate (requests before it when it
// came, and the seconds until its turn as they looked then), Corral-Ignored (a tool_choice that asks for a call),
// Server-Timing for those who asked, and for a
// model with fallbacks Corral-Served-By and Corral-Tier (0: the first), which are absent where the answer had
// to begin before that was known.
void add_notes(http::header_fields& fields, const generation::answer_reader& answer);
// Of these the ones of the queue, where the request had to wait.
void add_place(http::header_fields& fields, const std::optional<scheduler::queue_place>& place);

}  // namespace corral::api
