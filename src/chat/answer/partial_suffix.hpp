#pragma once
// Tags in text that arrives in pieces.

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace corral::chat {

// Length of the longest suffix of `text` that is a proper prefix of `tag`, and may become the tag.
[[nodiscard]] inline std::size_t partial_suffix_length(std::string_view text, std::string_view tag) {
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
