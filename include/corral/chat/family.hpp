#pragma once
// Chat formats as data: how a model family writes turns, thinking and tool calls. One file per family, one
// list.

#include <string>
#include <string_view>
#include <vector>

namespace corral::chat {

struct family {
    std::string_view name;            // "qwen3", "qwen2.5", "chatml", "deepseek-r1" ...
    std::string_view turn_open;       // "<|im_start|>"
    std::string_view turn_close;      // "<|im_end|>\n"
    std::string_view default_system;  // used when a request has none; never empty, for an empty one brings
                                      // the vendor's own
    std::vector<std::string_view>
        control_tokens;  // texts that a tokenizer turns into control tokens; neutralised in content
    std::vector<std::string_view>
        end_texts;        // end-of-turn texts that may leak into output; cut off as an end
    bool thinks = false;  // writes <think>…</think>
};

// nullptr when unknown. The list is chat::families().
[[nodiscard]] const family* find_family(std::string_view name);
[[nodiscard]] const std::vector<const family*>& families();

// `text` with every control token text of `in` broken so that no tokenizer takes it for a control token, and
// still readable. Idempotent.
[[nodiscard]] std::string neutralise(const family& in, std::string_view text);

}  // namespace corral::chat
