#pragma once
// Cuts text off at the first of several stop texts. The hit that starts first wins, however the text is cut
// into pieces; only the longest suffix that may still become a stop is held back.

#include <algorithm>
#include <bitset>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

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

class stop_matcher {
public:
    // Empty ones are ignored.
    explicit stop_matcher(std::vector<std::string> ends);

    // `text` is whole UTF-8 characters, and so is what comes back. Nothing after stopped().
    [[nodiscard]] std::string feed(std::string_view text);
    [[nodiscard]] bool stopped() const noexcept { return stopped_; }
    // The end that was met; empty before.
    [[nodiscard]] const std::string& hit() const noexcept { return hit_; }
    // The text held back; may stop, when a longer candidate that began earlier hid a hit.
    [[nodiscard]] std::string finish();

private:
    [[nodiscard]] std::string advance(bool more_may_come);

    std::vector<std::string> ends_;
    std::bitset<256> begins_;  // the first byte of each: a piece may be long, and nothing else runs meanwhile
    std::string held_;
    std::string hit_;
    bool stopped_ = false;
};

}  // namespace corral::chat
