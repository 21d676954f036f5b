#include "chat/families/all.hpp"
#include "chat/families/qwen_tokens.hpp"

namespace corral::chat {

// docs/facts/ollama_wire.md#prompts; the default text is the template's own. The coder models fill holes
// (docs/facts/ollama_wire.md#generate-request, `suffix`); the others know the marks and do it badly, so it is
// for the manifest to say.
const family& qwen2_5_family() {
    static const family instance{
        .name = "qwen2.5",
        .turn_open = "<|im_start|>",
        .turn_close = "<|im_end|>\n",
        .system_header = "system\n",
        .user_header = "user\n",
        .assistant_header = "assistant\n",
        .default_system = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.",
        .writes_default_system = true,
        .control_tokens = qwen_control_tokens(),
        .end_texts = {"<|im_end|>", "<|im_start|>", "<|endoftext|>"},
        .tools = tool_style::hermes,
        .fill = {"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"},
        .document_mark = "<|endoftext|>",
    };
    return instance;
}

}  // namespace corral::chat
