#pragma once
// Chat formats as data: how a model family writes turns, thinking and tool calls. One file per family, one
// list.

#include <string>
#include <string_view>
#include <vector>

namespace corral::chat {

// How tools are declared to the model and how it calls them.
enum class tool_style {
    none,        // no tool definitions; past calls and results are still written in hermes style
    hermes,      // JSON between <tool_call> and </tool_call> (docs/facts/ollama_wire.md#prompts)
    llama_json,  // the whole answer is one JSON object with "name" and "parameters" (Llama 3.1 to 3.3)
};

// Marks before the text in front of a hole, before the text behind it, and before the filling.
struct fill_marks {
    std::string_view prefix;  // "<|fim_prefix|>"; empty: the family fills no holes
    std::string_view suffix;
    std::string_view middle;
};

// A turn is turn_open + header + content + (assistant only: assistant_end) + turn_close. A conversation is
// bos and its turns, and then an assistant turn without its end. A new family is one file with one such value
// in src/chat/families and one line in the list.
struct family {
    std::string_view name;        // "qwen3", "qwen2.5", "chatml", "deepseek-r1" ...
    std::string_view bos{};       // "<s>"; in front of everything
    std::string_view turn_open;   // "<|im_start|>"; may be empty
    std::string_view turn_close;  // "<|im_end|>\n"; may be empty
    // "system\n". Empty: only the first system prompt has a place, a later one becomes a user turn.
    std::string_view system_header;
    std::string_view user_header;       // "user\n"
    std::string_view assistant_header;  // "assistant\n"
    // Closes an assistant turn only, before turn_close; mostly empty.
    std::string_view assistant_end{};
    // "ipython...": each tool result is a turn of its own. Empty: results that follow each other are one turn
    // of the user.
    std::string_view tool_header{};
    // Used when a request has none. Never empty: an empty one brings the vendor's own.
    std::string_view default_system;
    // default_system is the template's own, and part of the prompt when a request has none. Otherwise it only
    // keeps the vendor's out of a wrapped prompt, and tool definitions stand without it.
    bool writes_default_system = false;
    // The template's words in front of a system prompt; where there are such, the system turn is always there.
    // The wrapper writes them too.
    std::string_view system_lead{};
    // In front of these when there are tools; a wrapper, which knows of no tools, leaves it out.
    std::string_view tools_lead{};
    bool system_in_first_user = false;  // no system turn: its text and a blank line begin the first user turn
    bool tools_in_first_user = false;   // else tool definitions end the system prompt
    bool trims_texts = false;           // white space around the texts of system, user and assistant goes
    // Texts that a tokenizer turns into control tokens, neutralised in content. They hold no white space; the
    // beginning of a numbered row of tokens stands for all of them.
    std::vector<std::string_view> control_tokens;
    // End-of-turn texts that may leak into output; cut off as an end.
    std::vector<std::string_view> end_texts;
    tool_style tools = tool_style::none;
    bool thinks = false;  // writes <think>…</think>
    // Its template shows thinking again since the last real user turn (tool loops).
    bool repeats_thinking = false;
    // Its wrapper may already have opened <think>; see rendered_prompt.
    bool may_start_in_thinking = false;
    // Text in a turn that turns thinking off. Empty: a wrapped prompt can't turn it off.
    std::string_view no_think_switch{};
    // What begins an answer with thinking, and one without, where a verbatim prompt writes it: "<think>\n",
    // and an empty block. The latter empty: it can't be turned off.
    std::string_view thinking_opened{};
    std::string_view thinking_skipped{};
    fill_marks fill{};
    // A control token that stands before a document and changes nothing in what follows. May be empty.
    std::string_view document_mark{};
};

// nullptr when unknown. The list is chat::families().
[[nodiscard]] const family* find_family(std::string_view name);
[[nodiscard]] const std::vector<const family*>& families();

// `text` with every control token text of the family broken, so that no tokenizer takes it for a control token,
// and still readable: a space follows its first character. Idempotent, and safe next to any text of ours.
[[nodiscard]] std::string neutralise(const family& format, std::string_view text);

// The abilities that a shown template mentions.
struct shown_parts {
    bool tools = true;
    bool holes = true;
};

// The format as a Go template, for clients that look for a model's abilities in it: .Tools, .Suffix, <think>
// (docs/facts/ollama_wire.md#listings). As a render_options::prompt_template it gives the family's own
// verbatim prompt.
[[nodiscard]] std::string shown_template(const family& format, const shown_parts& what = {});
// Whether a template is a copy of that, white space around it aside. A prompt by such a one need not be verbatim.
[[nodiscard]] bool is_shown_template(const family& format, std::string_view text);

}  // namespace corral::chat
