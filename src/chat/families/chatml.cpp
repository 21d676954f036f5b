#include "chat/families/all.hpp"

namespace corral::chat {

namespace {

// Control tokens of the Qwen vocabularies. The tags of thinking and tools are in the vocabulary too, but they
// lend no one another's role, and people do write about them: they stay as they are
// (docs/design.md#the-promise-of-statelessness).
std::vector<std::string_view> qwen_control_tokens() {
    return {"<|im_start|>",       "<|im_end|>",       "<|endoftext|>",  "<|object_ref_start|>",
            "<|object_ref_end|>", "<|box_start|>",    "<|box_end|>",    "<|quad_start|>",
            "<|quad_end|>",       "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
            "<|image_pad|>",      "<|video_pad|>",    "<|fim_prefix|>", "<|fim_middle|>",
            "<|fim_suffix|>",     "<|fim_pad|>",      "<|repo_name|>",  "<|file_sep|>"};
}

}  // namespace

family chatml_base(std::string_view name) {
    return family{
        .name = name,
        .turn_open = "<|im_start|>",
        .turn_close = "<|im_end|>\n",
        .system_header = "system\n",
        .user_header = "user\n",
        .assistant_header = "assistant\n",
        .default_system = "You are a helpful assistant.",
        .control_tokens = qwen_control_tokens(),
        .end_texts = {"<|im_end|>", "<|im_start|>", "<|endoftext|>"},
        .document_mark = "<|endoftext|>",
    };
}

// For a model that says no more than that it speaks ChatML (docs/facts/ollama_wire.md#prompts).
const family& chatml_family() {
    static const family instance = [] {
        family made = chatml_base("chatml");
        made.writes_default_system = true;
        made.tools = tool_style::hermes;
        return made;
    }();
    return instance;
}

}  // namespace corral::chat
