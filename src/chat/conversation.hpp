#pragma once
// Messages as the turns that a chat format writes: equal neighbours merged, tool results grouped in user
// turns, old thinking left out. Texts are still raw.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "corral/chat/family.hpp"
#include "corral/chat/generation_request.hpp"

namespace corral::chat {

enum class speaker { system, user, assistant };

struct turn {
    speaker from = speaker::user;
    std::string body;
};

// A system turn stays where it stands, unless the family has no turn for it in the middle: then it speaks as
// the user.
[[nodiscard]] std::vector<turn> to_turns(const family& in, const std::vector<message>& messages);

// The turns in the family's format with their bodies neutralised, without the opening of the first and the
// turn_close of the last, which the service's wrapper writes.
[[nodiscard]] std::string splice(const family& in, std::span<const turn> turns);

}  // namespace corral::chat
