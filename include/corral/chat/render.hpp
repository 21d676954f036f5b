#pragma once
// A conversation as the two texts that a wrapping tokenizer service takes: the system text goes through
// reset, the turns as one prompt into which the service's own wrapper puts the opening of the first user turn
// and the closing of the last (vendor_ax.md §6.3; design.md §4).

#include <functional>
#include <string>
#include <vector>

#include "corral/chat/family.hpp"
#include "corral/chat/generation_request.hpp"
#include "corral/core/result.hpp"

namespace corral::chat {

struct rendered_prompt {
    std::string system;  // never empty
    std::string turns;   // starts inside the first user turn, ends inside the last one
    // The model is expected to think, so `output_filter` should separate it. Also when the client wanted none
    // and the family has no switch for it (deepseek-r1): the thinking events are then to be dropped.
    bool thinking = false;
    // The wrapper may have opened the thinking tag already: for `filter_options::starts_in_thinking`, which
    // takes a tag that the model writes itself as well.
    bool starts_in_thinking = false;
};

struct render_options {
    const family* format = nullptr;         // not null
    std::string default_system;             // the manifest's; empty: the family's
    bool package_forbids_thinking = false;  // its tokenizer script appends /no_think (vendor_ax.md §6.3)
};

// Renders `messages` (not empty; tool definitions of `tools` go into the system text in the family's format).
// Refuses (errc::refused, with a sentence for the client) a conversation that ends in an assistant turn,
// because this way of prompting can't leave a turn open, and one without any user or tool turn. Leading
// assistant turns go into the system text, spliced. Several system messages are joined with a blank line when
// they come first and stay in place otherwise.
[[nodiscard]] core::result<rendered_prompt> render(const render_options& how,
                                                   const std::vector<message>& messages,
                                                   const nlohmann::ordered_json& tools,
                                                   thinking_mode thinking);

// Which messages to leave out, oldest first, so that fewer tokens remain: drops the oldest non-system turn
// (an assistant turn with calls goes with its tool results). System messages and the newest turn stay. False
// when nothing can go.
[[nodiscard]] bool drop_oldest_turn(std::vector<message>& messages);
// The same again and again, in one pass: `go_on` hears of each message that goes, and what it says of a
// turn's last one decides whether the next turn goes too.
[[nodiscard]] bool drop_oldest_turns(std::vector<message>& messages,
                                     const std::function<bool(const message&)>& go_on);

}  // namespace corral::chat
