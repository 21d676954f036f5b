#pragma once
// Lines of a system prompt that change from request to request, such as a clock (docs/long_prompts.md#moving-lines). Moved
// behind what stays the same they cost a runtime that keeps its cache a line, and not the whole prompt. In memory only,
// by key, client and model.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/chat/generation_request.hpp"
#include "corral/core/keyed_hash.hpp"

namespace corral::generation {

struct settled_lines {
    std::string fixed;
    std::string moving;  // empty: none
    std::size_t count = 0;
};

class moving_lines {
public:
    explicit moving_lines(const core::keyed_hash::key& key) : key_(key) {}

    // A line that one of the last three system prompts of that share did not have moves. A text that has less than half of
    // its lines in common with the last is another one, and begins anew.
    [[nodiscard]] settled_lines settle(const std::string& share, std::string_view system);

private:
    using line_marks = std::vector<std::uint64_t>;  // sorted
    struct entry {
        std::string share;
        std::deque<line_marks> last;  // newest last
    };
    std::deque<entry> known_;  // the last used last; bounded
    core::keyed_hash::key key_;
};

// Its first message, if that is a system prompt, as settled: what moves stands before the words of its last user message.
// Nothing: there is no such place, or nothing moves.
[[nodiscard]] std::optional<std::vector<chat::message>> with_lines_moved(
    const std::vector<chat::message>& messages, const settled_lines& lines);

}  // namespace corral::generation
