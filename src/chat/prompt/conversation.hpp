#pragma once
// Messages as the turns that a chat format writes: equal neighbours merged, tool results grouped, old
// thinking left out. Texts are still raw.

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
};

// The messages as every prompt in the format takes them: equal neighbours are one
// (docs/facts/ollama_wire.md#prompts), thinking is apart from content, a system text for which the format has
// no turn speaks as the user, texts are trimmed where the format trims, and an empty user turn stands where
// the format can't do without a first one.
[[nodiscard]] std::vector<message> settled(const family& in, const std::vector<message>& messages);

// Of settled messages.
[[nodiscard]] std::vector<turn> to_turns(const family& in, const std::vector<message>& messages);

// The role and what follows it.
[[nodiscard]] std::string_view header(const family& in, speaker from);

// The turns in the family's format with their bodies neutralised, without the opening of the first and the
// turn_close of the last, which the service's wrapper writes.
[[nodiscard]] std::string splice(const family& in, std::span<const turn> turns);

}  // namespace corral::chat
