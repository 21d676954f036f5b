#include <array>
#include <cstdio>

#include "corral/core/utf8.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::telemetry {

namespace {

constexpr std::string_view cut_mark = "...";

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

std::string unicode_escape(std::uint32_t point) {
    std::array<char, 16> text{};
    if (point < 0x10000) {
        std::snprintf(text.data(), text.size(), "\\u%04x", static_cast<unsigned>(point));
    } else {
        const std::uint32_t rest = point - 0x10000;
        std::snprintf(text.data(), text.size(), "\\u%04x\\u%04x",
                      static_cast<unsigned>(0xD800 + (rest >> 10U)),
                      static_cast<unsigned>(0xDC00 + (rest & 0x3FFU)));
    }
    return text.data();
}

// "ESC [ 31 m" and the like, as the command line paints; 0: none begins there.
std::size_t colour_length(std::string_view text) {
    constexpr std::array<std::string_view, 9> codes{"0", "1", "2", "31", "32", "33", "34", "35", "36"};
    for (const std::string_view code : codes) {
        const std::string whole = "\x1b[" + std::string(code) + "m";
        if (text.starts_with(whole)) {
            return whole.size();
        }
    }
    return 0;
}

}  // namespace

std::string printable_page(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const core::utf8_step step = core::next_utf8(text);
        const bool whole = step.kind == core::utf8_kind::whole;
        std::size_t length = step.length;
        if (whole && (core::is_printable(step.point) || step.point == '\n' || step.point == '\t')) {
            out += text.substr(0, length);
        } else if (const std::size_t colour = step.point == 0x1B ? colour_length(text) : 0; colour > 0) {
            length = colour;
            out += text.substr(0, length);
        } else {
            out += whole ? unicode_escape(step.point) : escaped(text.substr(0, length));
        }
        text.remove_prefix(length);
    }
    return out;
}

std::string printable(std::string_view text, std::size_t limit) {
    std::string result;
    std::size_t fits_with_mark = 0;  // longest prefix of `result` behind which the mark still has room
    while (!text.empty()) {
        const core::utf8_step step = core::next_utf8(text);
        const std::string_view bytes = text.substr(0, step.length);
        const bool as_is = step.kind == core::utf8_kind::whole && core::is_printable(step.point);
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
