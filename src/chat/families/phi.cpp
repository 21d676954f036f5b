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

// ChatML without line breaks, with a mark of its own behind the role.
const family& phi4_family() {
    static const family instance = [] {
        family made = chatml_base("phi4");
        made.turn_close = "<|im_end|>";
        made.system_header = "system<|im_sep|>";
        made.user_header = "user<|im_sep|>";
        made.assistant_header = "assistant<|im_sep|>";
        made.control_tokens = {"<|im_start|>",   "<|im_end|>",      "<|im_sep|>",
                               "<|endoftext|>",  "<|endofprompt|>", "<|fim_prefix|>",
                               "<|fim_middle|>", "<|fim_suffix|>",  "<|dummy_"};
        return made;
    }();
    return instance;
}

// Phi-3 without line breaks. How it writes a call is not sure, so it is offered no tools although its template
// has a place for them.
const family& phi4_mini_family() {
    static const family instance = [] {
        family made = phi3_family();
        made.name = "phi4-mini";
        made.turn_close = "<|end|>";
        made.system_header = "<|system|>";
        made.user_header = "<|user|>";
        made.assistant_header = "<|assistant|>";
        made.control_tokens = {"<|system|>",        "<|user|>",  "<|assistant|>", "<|end|>",
                               "<|tool|>",          "<|/tool|>", "<|tool_call|>", "<|/tool_call|>",
                               "<|tool_response|>", "<|tag|>",   "<|endoftext|>", "<|endofprompt|>",
                               "<|dummy_"};
        return made;
    }();
    return instance;
}

}  // namespace corral::chat
