#pragma once
// Finds JSON in the text of a model: alone, in a code fence, or with words around it.

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "chat/json/json_progress.hpp"

namespace corral::chat {

struct json_place {
    std::size_t from = 0;
    std::size_t length = 0;
};

// Candidates for JSON in `text`, the likeliest first: all of it, the contents of code fences, then each
// balanced object or array from left to right, except inside an earlier one that is JSON. Without white space
// around them; at most 32.
[[nodiscard]] std::vector<json_place> json_places(std::string_view text);

// Notices a complete object or array while the text still grows. Gives up after 32 beginnings.
class json_watch {
public:
    // Scans the new end of `text`, which only ever grows. True when a balanced object or array ends there; call
    // it again, for more may follow in the same text.
    [[nodiscard]] bool look(std::string_view text);
    // Of the last one found.
    [[nodiscard]] json_place found() const noexcept { return {from_, at_ - from_}; }

private:
    std::size_t at_ = 0;    // scanned up to here
    std::size_t from_ = 0;  // where the open one begins
    std::optional<json_progress> open_;
    std::size_t tried_ = 0;
};

}  // namespace corral::chat
