#pragma once
// What the next turn of a conversation would be, as far as the end of an answer shows it. Pure.

#include <optional>
#include <string_view>

#include "corral/chat/generation_request.hpp"

namespace corral::generation {

inline constexpr std::string_view expected_words =
    "Xqzvjkw wkjvzqx";  // of that turn, which are not in any text

// A person's conversation that may go on, and is not too long to be copied.
[[nodiscard]] bool may_have_next(const chat::generation_request& request);

// Most templates leave out the thoughts of earlier turns whoever sends them, but not those in front of a call. What
// this client does with them is known by what it sent behind its last question; nothing: it is not known yet.
[[nodiscard]] std::optional<bool> sends_thoughts(const chat::generation_request& request);

// `answer`, to `request`, is something that a client would send back in a way that is known.
[[nodiscard]] bool knows_next(const chat::generation_request& request, const chat::message& answer);

// `request` with that turn behind its answer, whose thoughts the client sends back or not.
[[nodiscard]] chat::generation_request with_next(chat::generation_request request, chat::message answer,
                                                 bool with_thoughts);

}  // namespace corral::generation
