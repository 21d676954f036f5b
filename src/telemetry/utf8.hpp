#pragma once
// One step of reading UTF-8 that may be broken anywhere.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace corral::telemetry {

enum class utf8_kind { whole, cut_short, invalid };

struct utf8_step {
    utf8_kind kind = utf8_kind::invalid;
    std::size_t length = 1;   // bytes taken
    std::uint32_t point = 0;  // of a whole one
};

// Looks at the beginning of `text`. cut_short: all that is there could be the beginning of a character.
// Overlong forms, surrogates and values above U+10FFFF are invalid. REQUIRES: !text.empty().
[[nodiscard]] utf8_step next_utf8(std::string_view text);

}  // namespace corral::telemetry
