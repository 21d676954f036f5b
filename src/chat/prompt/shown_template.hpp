#pragma once
// The way back from what people are shown.

#include <string_view>

#include "corral/chat/family.hpp"

namespace corral::chat {

// Whether a template is no more than the family's own format as somebody copied it from shown_template(), be
// it with white space around. Such a one needs no verbatim prompt.
[[nodiscard]] bool is_shown_template(const family& in, std::string_view text);

}  // namespace corral::chat
