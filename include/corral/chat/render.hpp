#pragma once
// A conversation as the two texts that a wrapping tokenizer service takes: the system prompt goes through
// reset, the turns as one prompt into which the service's own wrapper puts the opening of the first user turn
// and the closing of the last (docs/facts/vendor_ax.md#tokenizer-semantics;
// docs/design.md#the-promise-of-statelessness). Or, where that is not enough, as the one text that the model
// reads.

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
    image_list images{};   // before the text
    bool results = false;  // of tools: nothing in it is a person's
    bool operator==(const role_text&) const = default;
};

struct rendered_prompt {
    std::string system;  // never empty, unless `verbatim` or render_options::may_lack_system
    std::string turns;   // starts inside the first user turn, ends inside the last one
    // `turns` is the model's complete input, to the token: nothing is put around it, and control token texts in
    // it are control tokens. Only for backends that accept it (backend_facts::takes_verbatim).
    bool verbatim = false;
    // The same conversation for runtimes that put their own chat template around messages: tool definitions
    // in the system prompt, calls and results in the family's own words, no two turns of one role in a row.
    // Empty unless render_options::as_messages, and where `verbatim`.
    std::vector<role_text> messages;
    // The model is expected to think. Also set when the client wanted no thinking and the family has no switch for
    // it (deepseek-r1): drop the thinking events then.
    bool thinking = false;
    // The wrapper may have opened the thinking tag already: for `filter_options::starts_in_thinking`, which
    // takes a tag that the model writes itself as well.
    bool starts_in_thinking = false;
    // A soft switch turns thinking off, so the model writes an empty block before its answer. The client must not
    // see it, stop in it or pay for it.
    bool empties_thinking = false;
    // A measure counts it, also where its length leaves no doubt that it fits.
    bool count_exactly = false;
};

// The images of all its messages, in their order.
[[nodiscard]] image_list images_of(const rendered_prompt& prompt);

struct render_options {
    const family* format = nullptr;  // not null
    std::string default_system;      // the manifest's; empty: the family's
    // Its tokenizer script appends /no_think (docs/facts/vendor_ax.md#tokenizer-semantics).
    bool package_forbids_thinking = false;
    // The backend accepts verbatim prompts. Used only where the wrapped form fails: an open assistant
    // turn, a template, thinking in a package that forbids it, thinking off: the empty block is then ours.
    bool may_be_verbatim = false;
    bool as_messages = false;    // also fill rendered_prompt::messages
    bool takes_schemas = false;  // the backend can hold an answer to a JSON Schema
    // Earlier answers begin with their thoughts, or with the empty block that stood before them, as the model read and
    // wrote them, and not without as the template writes them: a cache that holds them can be continued.
    bool as_written = false;
    // The family's own system prompt is left to the runtime, whose template or model may have another.
    bool may_lack_system = false;
    // Of the request, else of the model's variant: a Go template, or empty. A copy of shown_template() is the
    // family's own format, and counts as none.
    std::string prompt_template{};
    std::string effort{};
    std::string today{};  // "2006-01-02", for templates that ask
};

// Renders `messages` (not empty; tool definitions of `tools` go into the system prompt in the family's format).
// A conversation that ends in an assistant turn is continued where that ends, if the prompt may be verbatim.
// Refuses (errc::refused, with a sentence for the client) a conversation that needs a verbatim prompt where
// none is allowed, a broken template (with line and fault), and a conversation without any user or tool turn.
// Leading assistant turns are spliced into the system prompt. Several system messages are joined with a blank
// line when they come first and stay in place otherwise.
[[nodiscard]] core::result<rendered_prompt> render(const render_options& options,
                                                   const std::vector<message>& messages,
                                                   const nlohmann::ordered_json& tools,
                                                   thinking_mode thinking);

// A text for the model as it is. REQUIRES: how.may_be_verbatim.
[[nodiscard]] rendered_prompt render_raw(std::string text);

// The family's own way to ask for the text between two texts (docs/facts/ollama_wire.md#generate-request
// `suffix`). Refused when the family has none. REQUIRES: how.may_be_verbatim.
[[nodiscard]] core::result<rendered_prompt> render_fill_in_middle(const render_options& options,
                                                                  const fill_in_middle& hole);

// What makes an answer a call of one of some tools: a schema for a backend that takes one, else the beginning of the
// answer, in the family's words.
struct forced_call {
    std::string begun;
    nlohmann::ordered_json schema;
};
// REQUIRES: format.tools is not none; each of `tools` has a name and parameters; `names` are some of theirs, and not empty.
[[nodiscard]] forced_call force_call(const family& format, const nlohmann::ordered_json& tools,
                                     const std::vector<std::string>& names);

}  // namespace corral::chat
