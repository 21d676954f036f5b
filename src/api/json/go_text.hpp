#pragma once
// Texts as Go prints them.

#include <string>
#include <string_view>

namespace corral::api {

// Text in double quotes as Go's %q prints it, for the error texts that hold such.
[[nodiscard]] inline std::string go_quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '\t') {
            out += "\\t";
        } else if (c == '\r') {
            out += "\\r";
        } else {
            out += c;
        }
    }
    return out + '"';
}

}  // namespace corral::api
