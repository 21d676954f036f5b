#pragma once
// JSON in what a model wrote: alone, in a code fence, or with words around it.

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

// Where JSON may stand in `text`, the likeliest first: all of it, the contents of code fences, then each
// balanced object or array from left to right that does not lie inside an earlier one that is JSON. White
// space around it left out; at most 32 places.
[[nodiscard]] std::vector<json_place> json_places(std::string_view text);

// Notices an object or array that is complete, while the text still grows. Bounded in work: gives up after
// 32 that began.
class json_watch {
public:
    // Looks at what is new at the end of `text`, which only ever grows. True when a balanced one ends there;
    // call it again for those that may follow in the same text.
    [[nodiscard]] bool look(std::string_view text);
    // Of the one that was found.
    [[nodiscard]] json_place found() const noexcept { return {from_, at_ - from_}; }

private:
    std::size_t at_ = 0;    // looked at up to here
    std::size_t from_ = 0;  // where the open one begins
    std::optional<json_progress> open_;
    std::size_t tried_ = 0;
};

}  // namespace corral::chat
