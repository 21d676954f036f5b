#include "chat/families/all.hpp"

namespace corral::chat {

// ChatML with a vocabulary of its own (docs/facts/ollama_wire.md#prompts).
const family& smollm2_family() {
    static const family instance = [] {
        family made = chatml_base("smollm2");
        made.default_system = "You are a helpful AI assistant named SmolLM, trained by Hugging Face";
        made.writes_default_system = true;
        made.control_tokens = {"<|im_start|>",   "<|im_end|>",      "<|endoftext|>",    "<repo_name>",
                               "<reponame>",     "<file_sep>",      "<filename>",       "<gh_stars>",
                               "<issue_start>",  "<issue_comment>", "<issue_closed>",   "<jupyter_start>",
                               "<jupyter_text>", "<jupyter_code>",  "<jupyter_output>", "<jupyter_script>",
                               "<empty_output>"};
        return made;
    }();
    return instance;
}

}  // namespace corral::chat
