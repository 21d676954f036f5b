#pragma once
// A conversation as the two texts that a wrapping tokenizer service takes: the system text goes through
// reset, the turns as one prompt into which the service's own wrapper puts the opening of the first user turn
// and the closing of the last (docs/facts/vendor_ax.md#tokenizer-semantics;
// docs/design.md#the-promise-of-statelessness). Or, where that can't do, as the one text that the model
// reads.

#include <functional>
#include <string>
#include <vector>

#include "corral/chat/family.hpp"
#include "corral/chat/generation_request.hpp"
#include "corral/core/result.hpp"

namespace corral::chat {

// A turn as chat servers take it: "system", "user" or "assistant".
struct role_text {
    std::string role;
    std::string text;
    bool operator==(const role_text&) const = default;
};

struct rendered_prompt {
    std::string system;  // never empty, unless `verbatim`
    std::string turns;   // starts inside the first user turn, ends inside the last one
    // `turns` is everything that the model shall read, to the token: nothing is put around it, and control
    // token texts in it stand for control tokens. Only for backends that can (backend::takes_verbatim()).
    bool verbatim = false;
    // The same conversation for runtimes that put their own chat template around messages: tool definitions
    // in the system text, calls and results in the family's own words, no two turns of one role in a row.
    // Empty unless render_options::as_messages, and where `verbatim`.
    std::vector<role_text> messages;
    // The model is expected to think, so `output_filter` should separate it. Also when the client wanted none
    // and the family has no switch for it (deepseek-r1): the thinking events are then to be dropped.
    bool thinking = false;
    // The wrapper may have opened the thinking tag already: for `filter_options::starts_in_thinking`, which
    // takes a tag that the model writes itself as well.
    bool starts_in_thinking = false;
};

struct render_options {
    const family* format = nullptr;  // not null
    std::string default_system;      // the manifest's; empty: the family's
    // Its tokenizer script appends /no_think (docs/facts/vendor_ax.md#tokenizer-semantics).
    bool package_forbids_thinking = false;
    // The backend takes verbatim prompts. Used only for what the wrapped form can't do: an open assistant
    // turn, a template, thinking in a package that forbids it, thinking off without the soft switch.
    bool may_be_verbatim = false;
    bool as_messages = false;  // rendered_prompt::messages is wanted too
    // Of the request, else of the model's variant: a Go template, or empty. One that was copied from
    // shown_template() is the family's own format, and counts as none.
    std::string prompt_template{};
    std::string effort{};
    std::string today{};  // "2006-01-02", for templates that ask
};

// Renders `messages` (not empty; tool definitions of `tools` go into the system text in the family's format).
// A conversation that ends in an assistant turn is continued where that ends, if the prompt may be verbatim.
// Refuses (errc::refused, with a sentence for the client) what needs a verbatim prompt where none may be, a
// broken template (with the line and what is wrong), and a conversation without any user or tool turn.
// Leading assistant turns go into the system text, spliced. Several system messages are joined with a blank
// line when they come first and stay in place otherwise.
[[nodiscard]] core::result<rendered_prompt> render(const render_options& how,
                                                   const std::vector<message>& messages,
                                                   const nlohmann::ordered_json& tools,
                                                   thinking_mode thinking);

// A text that goes to the model as it is. REQUIRES: how.may_be_verbatim.
[[nodiscard]] rendered_prompt render_raw(std::string text);

// The family's own way to ask for what stands between two texts (docs/facts/ollama_wire.md#generate-request
// `suffix`). Refused when the family has none. REQUIRES: how.may_be_verbatim.
[[nodiscard]] core::result<rendered_prompt> render_fill_in_middle(const render_options& how,
                                                                  const fill_in_middle& hole);

// Drops turns, oldest first, so that fewer tokens remain: an assistant turn with calls goes with its tool
// results; system messages and the newest turn stay. `go_on` hears of each dropped message, and its answer for
// the last one of a turn decides whether the next turn goes too. False when nothing can go.
[[nodiscard]] bool drop_oldest_turns(std::vector<message>& messages,
                                     const std::function<bool(const message&)>& go_on);

}  // namespace corral::chat
