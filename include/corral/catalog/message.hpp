#pragma once
// The search in the tables of what Corral says (core/messages), for 'corral explain'.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/core/say.hpp"

namespace corral::catalog {

using core::message;
using core::message_reader;

[[nodiscard]] std::vector<message> all_messages();
// The wordings of a message's text but those that are another's words.
[[nodiscard]] std::vector<std::string_view> wordings_of(std::string_view text);
// By id, else by a sentence of the table, also behind what stands before it in a log; else by a piece that stands in one only.
[[nodiscard]] std::optional<message> find_message(std::string_view asked);

}  // namespace corral::catalog
