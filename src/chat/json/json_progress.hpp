#pragma once
// Finds the end of a JSON object or array, one byte at a time and without building a tree. Looks at brackets
// and strings only; read_bounded_json tells whether the text is JSON.

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

}  // namespace corral::chat
