#pragma once
// Raw model text in, events out, the same for every way of cutting the text into pieces: whole UTF-8
// characters, thinking apart, stop strings found across borders and never shown, end-of-turn texts removed.
// Holds back no more than what may still become a tag, a stop string or a character.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "corral/chat/family.hpp"
#include "corral/chat/generation_event.hpp"

namespace corral::chat {

struct filter_options {
    const family* format = nullptr;   // not null
    std::vector<std::string> stops;   // act on the raw text, thinking included (ollama_wire.md §12)
    bool separate_thinking = false;   // else tags stay in the text
    bool starts_in_thinking = false;  // the prompt already opened the tag
    // Names of the declared tools; calls of others are not calls. Empty: tool calls are not looked for and
    // stay text.
    std::vector<std::string> tool_names;
};

class output_filter {
public:
    explicit output_filter(filter_options how);
    ~output_filter();
    output_filter(output_filter&&) noexcept;
    output_filter& operator=(output_filter&&) noexcept;

    // Text, thinking and tool call events that `piece` makes certain; a call comes whole, as soon as it is
    // complete, its id empty. After stopped() nothing more comes.
    [[nodiscard]] std::vector<generation_event> feed(std::string_view piece);
    // A stop string or an end-of-turn text was met: the runtime may be stopped.
    [[nodiscard]] bool stopped() const noexcept;
    // What was held back, at the end of the run. An incomplete character becomes U+FFFD.
    [[nodiscard]] std::vector<generation_event> finish();

private:
    struct state;
    std::unique_ptr<state> state_;
};

}  // namespace corral::chat
