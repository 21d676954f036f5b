#include "chat/families/all.hpp"

namespace corral::chat {

// MiniCPM4: ChatML behind a <s>, which the service's template writes (docs/facts/ollama_wire.md#prompts). Its
// tool format is one of its own and not sure for the small models, so none is offered.
const family& minicpm_family() {
    static const family instance = [] {
        family made = chatml_base("minicpm");
        made.bos = "<s>";
        made.control_tokens = {"<s>",
                               "</s>",
                               "<unk>",
                               "<|im_start|>",
                               "<|im_end|>",
                               "<|thought_start|>",
                               "<|thought_end|>",
                               "<|tool_call_start|>",
                               "<|tool_call_end|>",
                               "<|execute_start|>",
                               "<|execute_end|>",
                               "<|fim_prefix|>",
                               "<|fim_middle|>",
                               "<|fim_suffix|>"};
        made.end_texts = {"<|im_end|>", "<|im_start|>", "</s>"};
        made.document_mark = "<s>";
        return made;
    }();
    return instance;
}

}  // namespace corral::chat
