#include "chat/pattern_text.hpp"

namespace corral::chat {

std::string with_re2_escapes(std::string_view pattern) {
    constexpr std::size_t digits = 4;
    std::string out;
    for (std::size_t at = 0; at < pattern.size(); ++at) {
        if (pattern[at] != '\\' || at + 1 == pattern.size()) {
            out += pattern[at];
            continue;
        }
        const std::string_view rest = pattern.substr(at + 2);
        if (pattern[at + 1] == 'u' && rest.starts_with('{')) {
            out += "\\x";
        } else if (pattern[at + 1] == 'u' && rest.size() >= digits) {
            out.append("\\x{").append(rest.substr(0, digits)).append("}");
            at += digits;
        } else {
            out.append(pattern.substr(at, 2));
        }
        ++at;
    }
    return out;
}

}  // namespace corral::chat
