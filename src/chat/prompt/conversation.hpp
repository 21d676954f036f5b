#pragma once
// Messages as the turns of a chat format: neighbours of one role merged, tool results grouped, old thinking
// left out. Texts are not yet neutralised.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "corral/chat/family.hpp"
#include "corral/chat/generation_request.hpp"

namespace corral::chat {

enum class speaker { system, user, assistant, tool };

struct turn {
    speaker from = speaker::user;
    std::string body;
    image_list images{};
    bool results = false;  // of tools, whoever speaks them
};

// The messages in the form all prompts of the format start from: neighbours of one role are one message
// (docs/facts/ollama_wire.md#prompts), thinking is separate from content, a system prompt without a turn of its
// own becomes the user's, texts are trimmed where the format trims, and an empty user turn is inserted where
// the format needs a first one.
[[nodiscard]] std::vector<message> settled(const family& format, const std::vector<message>& messages);

// REQUIRES: `messages` are settled. `as_written`: as render_options has it.
[[nodiscard]] std::vector<turn> to_turns(const family& format, const std::vector<message>& messages,
                                         bool as_written);

// What begins a turn, behind turn_open.
[[nodiscard]] std::string_view header(const family& format, speaker from);

// The turns in the family's format, neutralised, without the opening of the first and the turn_close of the
// last, which the service's wrapper writes.
[[nodiscard]] std::string splice(const family& format, std::span<const turn> turns);

}  // namespace corral::chat
