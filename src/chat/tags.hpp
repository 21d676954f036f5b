#pragma once
// Tags found in text that comes in pieces.

#include <algorithm>
#include <string_view>

namespace corral::chat {

// Length of the longest tail of `text` that is a proper start of `tag`.
[[nodiscard]] inline std::size_t tail_that_may_become(std::string_view tag, std::string_view text) {
    if (tag.empty()) {
        return 0;
    }
    for (auto length = std::min(tag.size() - 1, text.size()); length > 0; --length) {
        if (text.ends_with(tag.substr(0, length))) {
            return length;
        }
    }
    return 0;
}

}  // namespace corral::chat
