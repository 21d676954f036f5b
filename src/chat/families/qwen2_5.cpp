#include "chat/families/all.hpp"
#include "chat/families/chatml_base.hpp"

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

}  // namespace corral::chat
