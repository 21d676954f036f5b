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

// One tool, and its definition in the style of hermes.
inline const auto weather = nlohmann::ordered_json::parse(
    R"([{"type":"function","function":{"name":"f","parameters":{"type":"object","required":["city"]}}}])");

inline const std::string hermes_text =
    "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
    "You are provided with function signatures within <tools></tools> XML tags:\n<tools>\n"
    R"({"type": "function", "function": {"name": "f", "parameters": {"type": "object", "required": ["city"]}}})"
    "\n</tools>\n\nFor each function call, return a json object with function name and arguments within "
    "<tool_call></tool_call> XML tags:\n<tool_call>\n"
    "{\"name\": <function-name>, \"arguments\": <args-json-object>}\n</tool_call>";

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
