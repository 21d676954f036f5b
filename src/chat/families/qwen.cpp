#include "chat/families/all.hpp"

namespace corral::chat {

// docs/facts/ollama_wire.md#prompts; the default text is the template's own. The coder models fill holes
// (docs/facts/ollama_wire.md#generate-request, `suffix`); the others know the marks and do it badly, so it is
// for the manifest to say.
const family& qwen2_5_family() {
    static const family instance = [] {
        family made = chatml_base("qwen2.5");
        made.default_system = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.";
        made.writes_default_system = true;
        made.tools = tool_style::hermes;
        made.fill = {"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"};
        return made;
    }();
    return instance;
}

// docs/facts/ollama_wire.md#prompts. Its template writes no system prompt when a request has none; an empty one
// would bring the tokenizer service's Qwen persona (docs/facts/vendor_ax.md#reset), so a neutral sentence
// stands in.
//
// The template's own way to turn thinking off is an empty think block after the opening of the answer. The
// service's wrapper writes that opening behind everything we send, so in a wrapped prompt it can't be ours;
// the soft switch makes the model write the empty block itself, and `output_filter` swallows it. A verbatim
// prompt holds the block.
const family& qwen3_family() {
    static const family instance = [] {
        family made = chatml_base("qwen3");
        made.tools = tool_style::hermes;
        made.thinks = true;
        made.repeats_thinking = true;
        made.no_think_switch = "/no_think";
        made.thinking_skipped = "<think>\n\n</think>\n\n";
        return made;
    }();
    return instance;
}

// The checkpoints of July 2025 that always think: their template opens the tag, a tokenizer script of a
// package may not; they know no switch.
const family& qwen3_thinking_family() {
    static const family instance = [] {
        family changed = qwen3_family();
        changed.name = "qwen3-thinking";
        changed.may_start_in_thinking = true;
        changed.no_think_switch = {};
        changed.thinking_opened = "<think>\n";
        changed.thinking_skipped = {};
        return changed;
    }();
    return instance;
}

}  // namespace corral::chat
