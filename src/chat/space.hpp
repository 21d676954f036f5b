#pragma once
// White space as models write it around tags.

#include <string_view>

namespace corral::chat {

inline constexpr std::string_view white_space = " \t\n\r\v\f";

[[nodiscard]] inline std::string_view trim_left(std::string_view text) {
    const auto first = text.find_first_not_of(white_space);
    return first == std::string_view::npos ? std::string_view{} : text.substr(first);
}

[[nodiscard]] inline std::string_view trim_right(std::string_view text) {
    return text.substr(0, text.find_last_not_of(white_space) + 1);
}

}  // namespace corral::chat
