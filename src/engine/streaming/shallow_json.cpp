#include "engine/streaming/shallow_json.hpp"

namespace corral::engine::streaming {

nlohmann::json shallow_json(std::string_view text, std::size_t deepest) {
    std::size_t depth = 0;
    bool quoted = false;
    bool escaped = false;
    for (const char c : text) {
        if (quoted) {
            quoted = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        quoted = c == '"';
        depth += c == '{' || c == '[' ? 1 : 0;
        depth -= (c == '}' || c == ']') && depth > 0 ? 1 : 0;
        if (depth > deepest) {
            return nlohmann::json(nlohmann::json::value_t::discarded);
        }
    }
    return nlohmann::json::parse(text, nullptr, false);
}

}  // namespace corral::engine::streaming
