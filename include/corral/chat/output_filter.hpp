#pragma once
// Raw model text in, events out, the same for every way of cutting the text into pieces: whole UTF-8
// characters, thinking apart, stop strings found across borders and never shown, end-of-turn texts removed.
// Holds back no more than what may still become a tag, a stop string, a character or a call.
//
// Calls (docs/facts/ollama_wire.md#tool-calls). Where the family writes them between tags, a call is what
// stands between `<tool_call>` and `</tool_call>`, the next `<tool_call>`, or the end; one inside thinking
// ends the thinking. Where it writes bare JSON, a call is an object that the answer begins with, or that
// follows `<|python_tag|>` or such a call. White space around calls goes; text between them is text.
//
// What is not exactly JSON is repaired once, when the call's text is complete: trailing commas, single quotes,
// True, False and None, keys without quotes, raw line breaks and unknown escapes in strings, doubled braces,
// brackets missing or too many at the end. At the end of the run, where the text may have been cut, no
// bracket is added behind a number, a comma or a key, nor to a call without arguments; a string that does
// not end is never closed. What still does not parse, names no declared tool, has arguments that are no
// object, or is longer than 256 KiB or nested deeper than 64 levels, comes as text exactly as the model
// wrote it, tags included. So texts and calls together account for everything the model wrote, but for what a
// limit or a stop cut: a part of a tag, and a call between tags without its end, are never shown.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/chat/family.hpp"
#include "corral/chat/generation_event.hpp"

namespace corral::chat {

struct filter_options {
    const family* format = nullptr;  // not null
    // Applied to the raw text, thinking included (docs/facts/ollama_wire.md#stops-and-limits), unless the
    // client must not learn of the thinking.
    std::vector<std::string> stops;
    bool stops_see_thinking = true;
    // Also where the model was told not to think; otherwise tags stay in the text.
    bool separate_thinking = false;
    bool starts_in_thinking = false;  // the prompt already opened the tag
    // Names of the declared tools; calls of other names are text. Empty: all calls stay text.
    std::vector<std::string> tool_names;
    bool one_call = false;  // what stands behind the first one is dropped, and its beginning stops the answer
    // The answer is a call, of which this stands at the end of the prompt: no tag has to come before it. It is never
    // text, also where the model does not go on with it.
    std::optional<std::string> call_begun{};
};

class output_filter {
public:
    explicit output_filter(filter_options options);
    ~output_filter();
    output_filter(output_filter&&) noexcept;

    // The text, thinking and tool call events that `piece` makes certain. A call comes whole, its id empty.
    // Nothing comes after stopped().
    [[nodiscard]] std::vector<generation_event> feed(std::string_view piece);
    // A stop string or an end-of-turn text was met, or what stands behind the only call: the runtime may be stopped.
    [[nodiscard]] bool stopped() const noexcept;
    // The client's stop that was met; empty: none.
    [[nodiscard]] const std::string& stopped_by() const noexcept;
    // Flushes the text held back at the end of the run, where a limit may have cut it. An incomplete character
    // becomes U+FFFD.
    [[nodiscard]] std::vector<generation_event> finish(bool cut = false);
    // Where thinking is apart: the model began with an empty block.
    [[nodiscard]] bool swallowed_block() const noexcept;
    // And nothing has come yet but what may be such a block.
    [[nodiscard]] bool before_answer() const noexcept;
    // What was fed until now is a thought with its tags, and no answer is behind it yet.
    [[nodiscard]] bool in_thoughts() const noexcept;

private:
    struct state;
    std::unique_ptr<state> state_;
};

}  // namespace corral::chat
