#include "chat/families/all.hpp"
#include "chat/families/chatml_base.hpp"

namespace corral::chat {

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
