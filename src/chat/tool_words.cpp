#include "chat/tool_words.hpp"

#include "chat/hermes_tools.hpp"
#include "chat/llama_tools.hpp"

namespace corral::chat {

std::string tool_definitions(const family& in, const nlohmann::ordered_json& tools) {
    return in.tools == tool_style::llama_json ? llama_definitions(tools) : hermes_definitions(tools);
}

std::string answer_with_calls(const family& in, std::string_view content,
                              const std::vector<tool_call>& calls) {
    if (in.tools == tool_style::llama_json && !calls.empty()) {
        return llama_calls(calls);
    }
    std::string out(content);
    for (const auto& call : calls) {
        if (!out.empty()) {
            out += '\n';
        }
        out += hermes_call(call);
    }
    return out;
}

std::string tool_result(const family& in, std::string_view content) {
    return in.tool_header.empty() ? hermes_result(content) : llama_result(content);
}

}  // namespace corral::chat
