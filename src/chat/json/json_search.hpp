#pragma once
// Finds JSON in the text of a model: alone, in a code fence, or with words around it.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace corral::chat {

inline constexpr std::size_t max_json_depth = 64;
// Of one object: looking up a key in a tree that keeps the order is linear.
inline constexpr std::uint32_t max_json_members = 2'000;

// Finds the end of a JSON object or array, one byte at a time and without building a tree. Looks at brackets
// and strings only; read_bounded_json tells whether the text is JSON.
class json_progress {
public:
    enum class verdict {
        open,
        complete,  // this byte closed the outermost bracket; feed no more
        broken,    // no JSON, or beyond a bound
    };

    [[nodiscard]] verdict feed(char next);

private:
    struct level {
        char bracket;
        std::uint32_t commas = 0;
    };

    [[nodiscard]] verdict in_string(char next);
    [[nodiscard]] verdict open(char bracket);
    [[nodiscard]] verdict close(char bracket);
    [[nodiscard]] verdict between(char next);

    std::vector<level> levels_;
    bool string_ = false;
    bool escaped_ = false;
};

// The one object or array that `text` is, white space around it aside, its depth and width checked before a
// tree exists (docs/facts/platform_traps.md#json-depth). Nothing when it is anything else.
[[nodiscard]] std::optional<nlohmann::ordered_json> read_bounded_json(std::string_view text);

// Length of the object or array that `text` begins with; 0 when none is complete.
[[nodiscard]] std::size_t json_length(std::string_view text);

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
