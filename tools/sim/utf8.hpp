#pragma once

#include <string>
#include <string_view>

namespace corral::sim {

struct utf8_text {
    std::string text;  // each malformed part replaced by U+FFFD, as Python's errors="replace" does
    bool has_replacement = false;  // also true for a U+FFFD that was there before
};

utf8_text decode_utf8(std::string_view bytes);

}  // namespace corral::sim
