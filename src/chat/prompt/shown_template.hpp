#pragma once
// Recognises a template that shown_template() made.

#include <string_view>

#include "corral/chat/family.hpp"

namespace corral::chat {

// Whether a template is a copy of shown_template(), white space around it aside. A prompt by such a template
// need not be verbatim.
[[nodiscard]] bool is_shown_template(const family& format, std::string_view text);

}  // namespace corral::chat
