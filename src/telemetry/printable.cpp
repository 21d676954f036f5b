#include <array>
#include <cstdio>

#include "corral/core/utf8.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::telemetry {

namespace {

constexpr std::string_view cut_mark = "...";

// Also the marks that reorder or hide text on a terminal.
bool is_harmless(std::uint32_t point) {
    const bool control = point < 0x20 || (point >= 0x7F && point <= 0x9F);
    const bool line_break = point == 0x2028 || point == 0x2029;
    const bool direction = (point >= 0x200B && point <= 0x200F) || (point >= 0x202A && point <= 0x202E) ||
                           (point >= 0x2066 && point <= 0x2069) || point == 0xFEFF;
    return !control && !line_break && !direction;
}

std::string escaped(std::string_view bytes) {
    std::string text;
    for (const char byte : bytes) {
        switch (byte) {
            case '\n':
                text += "\\n";
                break;
            case '\r':
                text += "\\r";
                break;
            case '\t':
                text += "\\t";
                break;
            default: {
                std::array<char, 8> hex{};
                std::snprintf(hex.data(), hex.size(), "\\x%02x",
                              static_cast<unsigned>(static_cast<unsigned char>(byte)));
                text += hex.data();
            }
        }
    }
    return text;
}

}  // namespace

std::string printable(std::string_view text, std::size_t limit) {
    std::string result;
    std::size_t fits_with_mark = 0;  // longest prefix of `result` behind which the mark still has room
    while (!text.empty()) {
        const core::utf8_step step = core::next_utf8(text);
        const std::string_view bytes = text.substr(0, step.length);
        const bool as_is = step.kind == core::utf8_kind::whole && is_harmless(step.point);
        const std::string shown = as_is ? std::string(bytes) : escaped(bytes);
        if (result.size() + shown.size() > limit) {
            result.resize(fits_with_mark);
            return result.append(cut_mark.substr(0, limit));
        }
        result += shown;
        if (result.size() + cut_mark.size() <= limit) {
            fits_with_mark = result.size();
        }
        text.remove_prefix(step.length);
    }
    return result;
}

}  // namespace corral::telemetry
