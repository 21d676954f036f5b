#pragma once
// What the tokenizer service makes of the two texts: the model's template over [system, user] with the
// generation prompt (docs/facts/vendor_ax.md#tokenizer-semantics).

#include <string>

#include "corral/chat/render.hpp"

namespace corral::chat::tests {

inline std::string chatml_service_text(const rendered_prompt& prompt) {
    return "<|im_start|>system\n" + prompt.system + "<|im_end|>\n<|im_start|>user\n" + prompt.turns +
           "<|im_end|>\n<|im_start|>assistant\n";
}

// The packaged script that forbids thinking: it appends the switch to what it takes for one user text.
inline std::string no_think_service_text(rendered_prompt prompt) {
    if (!prompt.turns.ends_with("/no_think")) {
        prompt.turns += "/no_think";
    }
    return chatml_service_text(prompt);
}

inline std::string deepseek_service_text(const rendered_prompt& prompt) {
    return "<｜begin▁of▁sentence｜>" + prompt.system + "<｜User｜>" + prompt.turns + "<｜Assistant｜>";
}

inline message says(role from, std::string content) {
    message one;
    one.from = from;
    one.content = std::move(content);
    return one;
}

inline message calls(std::string content, std::vector<tool_call> made) {
    auto one = says(role::assistant, std::move(content));
    one.calls = std::move(made);
    return one;
}

}  // namespace corral::chat::tests
