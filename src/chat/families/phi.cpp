#include "chat/families/all.hpp"

namespace corral::chat {

// Phi-3 and 3.5 (docs/facts/ollama_wire.md#prompts).
const family& phi3_family() {
    static const family instance{
        .name = "phi3",
        .turn_open = "",
        .turn_close = "<|end|>\n",
        .system_header = "<|system|>\n",
        .user_header = "<|user|>\n",
        .assistant_header = "<|assistant|>\n",
        .default_system = "You are a helpful assistant.",
        .control_tokens = {"<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<|endoftext|>",
                           "<|placeholder", "<s>", "</s>", "<unk>"},
        .end_texts = {"<|end|>", "<|endoftext|>", "<|user|>", "<|assistant|>"},
        .document_mark = "<|endoftext|>",
    };
    return instance;
}

// No line breaks, and a mark of its own behind the role.
const family& phi4_family() {
    static const family instance{
        .name = "phi4",
        .turn_open = "<|im_start|>",
        .turn_close = "<|im_end|>",
        .system_header = "system<|im_sep|>",
        .user_header = "user<|im_sep|>",
        .assistant_header = "assistant<|im_sep|>",
        .default_system = "You are a helpful assistant.",
        .control_tokens = {"<|im_start|>", "<|im_end|>", "<|im_sep|>", "<|endoftext|>", "<|endofprompt|>",
                           "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|dummy_"},
        .end_texts = {"<|im_end|>", "<|im_start|>", "<|endoftext|>"},
        .document_mark = "<|endoftext|>",
    };
    return instance;
}

// How it writes a call is not sure, so it is offered no tools although its template has a place for them.
const family& phi4_mini_family() {
    static const family instance{
        .name = "phi4-mini",
        .turn_open = "",
        .turn_close = "<|end|>",
        .system_header = "<|system|>",
        .user_header = "<|user|>",
        .assistant_header = "<|assistant|>",
        .default_system = "You are a helpful assistant.",
        .control_tokens = {"<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<|tool|>", "<|/tool|>",
                           "<|tool_call|>", "<|/tool_call|>", "<|tool_response|>", "<|tag|>", "<|endoftext|>",
                           "<|endofprompt|>", "<|dummy_"},
        .end_texts = {"<|end|>", "<|endoftext|>", "<|user|>", "<|assistant|>"},
        .document_mark = "<|endoftext|>",
    };
    return instance;
}

}  // namespace corral::chat
