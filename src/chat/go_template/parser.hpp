#pragma once
// Tokens as a tree; names of functions and variables are checked here, as Go does it.

#include <string_view>

#include "chat/go_template/syntax.hpp"

namespace corral::chat::go_template {

// Nothing of worth when `wrong` is found.
[[nodiscard]] syntax_tree parse(std::string_view source, problem& wrong);

}  // namespace corral::chat::go_template
