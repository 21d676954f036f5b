#pragma once
// Texts as Go prints them, and what of a client's values goes into an error.

#include <cstddef>
#include <string>
#include <string_view>

#include "corral/core/utf8.hpp"

namespace corral::api {

// A value may be as long as its request, and errors are made on the loop.
[[nodiscard]] inline std::string_view echo_of(std::string_view value) noexcept {
    constexpr std::size_t most_echoed = 80;
    return core::cut_between_characters(value, most_echoed);
}

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
