#pragma once
// Reads tool calls from the text that a model wrote for them (docs/facts/ollama_wire.md#tool-calls).

#include <string>
#include <string_view>
#include <vector>

#include "chat/json/json_mender.hpp"
#include "corral/chat/generation_request.hpp"

namespace corral::chat {

struct call_rules {
    std::vector<std::string> names;   // of the declared tools
    bool arguments_required = false;  // else a call without any has the empty object
};

// The calls in `text`, in order, ids empty; none unless all of it is calls of declared tools. One object or
// several, also in an array: {"name": …, "arguments" or "parameters": an object, or a
// string that holds one}, also one level down under "function". JSON that does not parse is mended.
[[nodiscard]] std::vector<tool_call> calls_in(std::string_view text, const call_rules& rules, text_end end);

}  // namespace corral::chat
