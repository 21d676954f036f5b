#pragma once
// Which turns of a conversation that is too long stay, and how much of their texts (docs/long_prompts.md#turns). Pure:
// the next turn of the same conversation is cut at the same place, until the room is full again.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "corral/chat/generation_request.hpp"

namespace corral::generation {

// A text is not cut below this, for less of it says nothing.
inline constexpr std::size_t least_text_bytes = 160;

struct turn_cuts {
    std::size_t messages = 0;
    std::size_t text_bytes = 0;          // of the messages that stay
    std::size_t newest_bytes = 0;        // of these, of the task and the newest messages
    std::vector<std::size_t> dropped{};  // the messages, by their place
};

// Of one that is not a system prompt; and of all.
[[nodiscard]] std::size_t turn_bytes(const chat::message& message);
[[nodiscard]] std::size_t turn_bytes(const std::vector<chat::message>& messages);

// Leaves turns of about `room` bytes. System prompts stay as they are.
[[nodiscard]] turn_cuts cut_turns(std::vector<chat::message>& messages, std::size_t room);

// A person wrote it, as far as can be seen.
[[nodiscard]] bool is_persons(const chat::message& message);
// A text without the elements that programs write before a person's words, such as <system-reminder>…</system-reminder>;
// empty where there is nothing else, as in <tool_response>…</tool_response>.
[[nodiscard]] std::string_view persons_words(std::string_view text);
// The last message that a person wrote, as far as can be seen; nullptr: there is none.
[[nodiscard]] const chat::message* task_of(const std::vector<chat::message>& messages);

// `size` without all but its first bits, so that a share that varies little counts as the same.
[[nodiscard]] std::size_t rounded_down(std::size_t size, unsigned bits);
// So many bytes of each of the texts have room together.
[[nodiscard]] std::size_t common_length(const std::vector<std::size_t>& sizes, std::size_t room);
// The last place at or before `at` where no character is cut in two; a broken text may be cut anywhere.
[[nodiscard]] std::size_t character_start(std::string_view text, std::size_t at);
// Its beginning and its end with a mark between them, about `most` bytes together.
[[nodiscard]] std::string without_middle(std::string_view whole, std::size_t most);

}  // namespace corral::generation
