#include "chat/families/all.hpp"

namespace corral::chat {

// Gemma 3 (docs/facts/ollama_wire.md#prompts). It has no system role: the wrapper, too, puts the system prompt
// and a blank line before the first user text. It has no tool format of its own.
const family& gemma_family() {
    static const family instance{
        .name = "gemma",
        .bos = "<bos>",
        .turn_open = "<start_of_turn>",
        .turn_close = "<end_of_turn>\n",
        .system_header = "",
        .user_header = "user\n",
        .assistant_header = "model\n",
        .default_system = "You are a helpful assistant.",
        .system_in_first_user = true,
        .trims_texts = true,
        .control_tokens = {"<bos>", "<eos>", "<pad>", "<unk>", "<mask>", "<start_of_turn>", "<end_of_turn>",
                           "<start_of_image>", "<end_of_image>", "<image_soft_token>", "<unused"},
        .end_texts = {"<end_of_turn>", "<start_of_turn>", "<eos>"},
        .document_mark = "<bos>",
    };
    return instance;
}

}  // namespace corral::chat
