#pragma once
// Chat formats as data: how a model family writes turns, thinking and tool calls. One file per family, one
// list.

#include <string>
#include <string_view>
#include <vector>

namespace corral::chat {

// How tools are told to the model and how it calls them.
enum class tool_style {
    none,    // no tool definitions; past calls and results are still written, as hermes does
    hermes,  // JSON between <tool_call> and </tool_call> (ollama_wire.md §11.1)
};

// A turn is turn_open + header + content + (assistant only: assistant_end) + turn_close. A new family is one
// file with one such value in src/chat/families and one line in the list.
struct family {
    std::string_view name;        // "qwen3", "qwen2.5", "chatml", "deepseek-r1" ...
    std::string_view turn_open;   // "<|im_start|>"; may be empty
    std::string_view turn_close;  // "<|im_end|>\n"; may be empty
    std::string_view
        system_header;  // "system\n"; empty: no system turn but the first, a later one becomes a user turn
    std::string_view user_header;       // "user\n"
    std::string_view assistant_header;  // "assistant\n"
    std::string_view assistant_end{};   // closes an assistant turn only, before turn_close; mostly empty
    std::string_view default_system;    // used when a request has none; never empty, for an empty one brings
                                        // the vendor's own
    bool tools_replace_default =
        false;  // its template writes no system text of its own, so tool definitions stand alone
    std::vector<std::string_view>
        control_tokens;  // texts that a tokenizer turns into control tokens; neutralised in content
    std::vector<std::string_view>
        end_texts;  // end-of-turn texts that may leak into output; cut off as an end
    tool_style tools = tool_style::none;
    bool thinks = false;  // writes <think>…</think>
    bool repeats_thinking =
        false;  // its template shows thinking again since the last real user turn (tool loops)
    bool may_start_in_thinking = false;  // its wrapper may already have opened <think>; see rendered_prompt
    std::string_view
        no_think_switch{};  // text in a turn that turns thinking off; empty: it can't be turned off
};

// nullptr when unknown. The list is chat::families().
[[nodiscard]] const family* find_family(std::string_view name);
[[nodiscard]] const std::vector<const family*>& families();

// `text` with every control token text of `in` broken so that no tokenizer takes it for a control token, and
// still readable: a space goes behind its first character. Idempotent, and safe next to any text of ours.
[[nodiscard]] std::string neutralise(const family& in, std::string_view text);

}  // namespace corral::chat
