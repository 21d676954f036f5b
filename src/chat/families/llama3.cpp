#include "chat/families/all.hpp"

namespace corral::chat {

// Llama 3.1 to 3.3 (docs/facts/ollama_wire.md#prompts): the system turn is always there and begins with two
// dates, word for word the template's, which has no clock; tool definitions begin the first user turn, and a
// call is the whole answer.
const family& llama3_family() {
    static const family instance{
        .name = "llama3",
        .bos = "<|begin_of_text|>",
        .turn_open = "<|start_header_id|>",
        .turn_close = "<|eot_id|>",
        .system_header = "system<|end_header_id|>\n\n",
        .user_header = "user<|end_header_id|>\n\n",
        .assistant_header = "assistant<|end_header_id|>\n\n",
        .tool_header = "ipython<|end_header_id|>\n\n",
        .default_system = "You are a helpful assistant.",
        .system_lead = "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n",
        .tools_lead = "Environment: ipython\n",
        .tools_in_first_user = true,
        .trims_texts = true,
        .control_tokens = {"<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>",
                           "<|eom_id|>", "<|eot_id|>", "<|python_tag|>", "<|finetune_right_pad_id|>",
                           "<|step_id|>", "<|image|>", "<|reserved_special_token_"},
        .end_texts = {"<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<|start_header_id|>"},
        .tools = tool_style::llama_json,
        .document_mark = "<|begin_of_text|>",
    };
    return instance;
}

// The first Llama 3: no dates, no system turn of its own, no tools.
const family& llama3_0_family() {
    static const family instance = [] {
        family changed = llama3_family();
        changed.name = "llama3.0";
        changed.tool_header = {};
        changed.system_lead = {};
        changed.tools_lead = {};
        changed.tools_in_first_user = false;
        changed.tools = tool_style::none;
        return changed;
    }();
    return instance;
}

}  // namespace corral::chat
