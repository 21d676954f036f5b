#pragma once
// Separates tool calls from the answer (docs/facts/ollama_wire.md#tool-calls). Held back are an unfinished
// call, a possible beginning of its tag, and the white space before it. The rules are stated at `output_filter`.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/json/json_repair.hpp"
#include "chat/json/json_search.hpp"
#include "corral/chat/family.hpp"
#include "corral/chat/generation_event.hpp"
#include "corral/chat/generation_request.hpp"

namespace corral::chat {

// Reads tool calls from the text that a model wrote for them (docs/facts/ollama_wire.md#tool-calls).
struct call_rules {
    std::vector<std::string> names;   // of the declared tools
    bool arguments_required = false;  // else a call without any has the empty object
};

// The calls in `text`, in order, ids empty; none unless all of it is calls of declared tools. One object or
// several, also in an array: {"name": …, "arguments" or "parameters": an object, or a
// string that holds one}, also one level down under "function". JSON that does not parse is repaired.
[[nodiscard]] std::vector<tool_call> calls_in(std::string_view text, const call_rules& rules, text_end end);

// How a model marks a call.
struct call_syntax {
    std::string_view open_tag;
    std::string_view close_tag;       // empty: a call ends with its object
    bool bare = false;                // an answer that begins with '{' is a call without a tag
    bool arguments_required = false;  // an object without them is no call
};

// Nothing for a style without calls.
[[nodiscard]] std::optional<call_syntax> syntax_of(tool_style style);

class tool_filter {
public:
    static constexpr std::size_t default_max_call = 256 * 1024;

    // `names` of the declared tools. A call longer than `max_call` bytes is text.
    tool_filter(call_syntax syntax, std::vector<std::string> names, std::size_t max_call = default_max_call);

    // Before all else: what the model shall go on with. It can become a call, but never text.
    [[nodiscard]] std::vector<generation_event> begin(std::string_view text);
    // `text` is whole UTF-8 characters, and so are the texts that come back.
    [[nodiscard]] std::vector<generation_event> feed(std::string_view text);
    // `cut`: by a limit or a stop. What has begun of a call between tags is then dropped, as Ollama has it
    // (docs/facts/ollama_wire.md#tool-calls); otherwise it is text as it was written.
    [[nodiscard]] std::vector<generation_event> finish(bool cut);
    // Something is held back: behind a call more than white space.
    [[nodiscard]] bool holds_text() const noexcept { return !held_.empty(); }

private:
    enum class part {
        start,         // of an answer that may be a bare call
        text,          //
        lead,          // behind the opening tag
        inside,        // an object or array
        behind_value,  // where the closing tag should be
        broken,        // no JSON: the end is wherever the closing tag is
        behind_call,   //
    };

    std::vector<generation_event> advance();
    // Each consumes what it can and returns whether another part continues with the rest.
    bool go_on();
    bool start();
    bool plain_text();
    bool lead();
    bool inside();
    bool behind_value();
    bool broken();
    bool broken_bare();
    bool behind_call();
    bool behind_bare_call(std::string_view rest);

    void begin_call(std::size_t body);
    bool begin_value();
    bool search_end(std::size_t from);
    // The call's text is complete: emits its calls, or everything up to `after` as text.
    bool decide(std::size_t end, std::size_t after, text_end end_kind);
    // No call: its opening is text, and the rest is scanned as text.
    bool pass_opening();
    // The same at the end of a run: a call that was cut is dropped.
    bool end_unfinished(std::size_t after);
    [[nodiscard]] bool is_tagged() const noexcept {
        return held().substr(0, body_).ends_with(syntax_.open_tag);
    }
    void pass(std::size_t count);
    [[nodiscard]] std::string_view held() const noexcept { return std::string_view(held_).substr(front_); }

    call_syntax syntax_;
    call_rules rules_;
    std::size_t max_call_;
    part part_;
    bool last_ = false;  // held_ is the end of the answer
    bool cut_ = false;   // and not where the model ended it
    std::string held_;
    std::size_t front_ = 0;  // bytes of held_ that were emitted
    std::size_t begun_ = 0;  // bytes behind these that the model did not write
    // Positions in held():
    std::size_t body_ = 0;   // behind the opening tag
    std::size_t value_ = 0;  // where the object or array begins
    std::size_t next_ = 0;   // the first unread byte
    json_progress progress_;
    std::vector<generation_event> out_;
};

}  // namespace corral::chat
