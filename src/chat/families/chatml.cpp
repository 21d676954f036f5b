#include "chat/families/all.hpp"
#include "chat/families/qwen_tokens.hpp"

namespace corral::chat {

// For a model that says no more than that it speaks ChatML (docs/facts/ollama_wire.md#prompts).
const family& chatml_family() {
    static const family instance{
        .name = "chatml",
        .turn_open = "<|im_start|>",
        .turn_close = "<|im_end|>\n",
        .system_header = "system\n",
        .user_header = "user\n",
        .assistant_header = "assistant\n",
        .default_system = "You are a helpful assistant.",
        .writes_default_system = true,
        .control_tokens = qwen_control_tokens(),
        .end_texts = {"<|im_end|>", "<|im_start|>", "<|endoftext|>"},
        .tools = tool_style::hermes,
        .document_mark = "<|endoftext|>",
    };
    return instance;
}

}  // namespace corral::chat
