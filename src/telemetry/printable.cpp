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

}  // namespace

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
