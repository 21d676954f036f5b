#include "corral/core/json.hpp"

namespace corral::core {

bool within_limits(std::string_view text, json_limits limits) noexcept {
    if (text.size() > limits.bytes) {
        return false;
    }
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
        if (depth > limits.depth) {
            return false;
        }
    }
    return true;
}

}  // namespace corral::core
