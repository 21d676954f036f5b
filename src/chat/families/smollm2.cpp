#include "chat/families/all.hpp"

namespace corral::chat {

// ChatML with a vocabulary of its own (docs/facts/ollama_wire.md#prompts).
const family& smollm2_family() {
    static const family instance{
        .name = "smollm2",
        .turn_open = "<|im_start|>",
        .turn_close = "<|im_end|>\n",
        .system_header = "system\n",
        .user_header = "user\n",
        .assistant_header = "assistant\n",
        .default_system = "You are a helpful AI assistant named SmolLM, trained by Hugging Face",
        .writes_default_system = true,
        .control_tokens = {"<|im_start|>", "<|im_end|>", "<|endoftext|>", "<repo_name>", "<reponame>",
                           "<file_sep>", "<filename>", "<gh_stars>", "<issue_start>", "<issue_comment>",
                           "<issue_closed>", "<jupyter_start>", "<jupyter_text>", "<jupyter_code>",
                           "<jupyter_output>", "<jupyter_script>", "<empty_output>"},
        .end_texts = {"<|im_end|>", "<|im_start|>", "<|endoftext|>"},
        .document_mark = "<|endoftext|>",
    };
    return instance;
}

}  // namespace corral::chat
