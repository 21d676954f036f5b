#include "chat/families/all.hpp"

namespace corral::chat {

// MiniCPM4: ChatML behind a <s>, which the service's template writes (docs/facts/ollama_wire.md#prompts). Its
// tool format is one of its own and not sure for the small models, so none is offered.
const family& minicpm_family() {
    static const family instance{
        .name = "minicpm",
        .bos = "<s>",
        .turn_open = "<|im_start|>",
        .turn_close = "<|im_end|>\n",
        .system_header = "system\n",
        .user_header = "user\n",
        .assistant_header = "assistant\n",
        .default_system = "You are a helpful assistant.",
        .control_tokens = {"<s>", "</s>", "<unk>", "<|im_start|>", "<|im_end|>", "<|thought_start|>",
                           "<|thought_end|>", "<|tool_call_start|>", "<|tool_call_end|>", "<|execute_start|>",
                           "<|execute_end|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>"},
        .end_texts = {"<|im_end|>", "<|im_start|>", "</s>"},
        .document_mark = "<s>",
    };
    return instance;
}

}  // namespace corral::chat
