#pragma once
// Tokens to a tree. Names of functions and variables are checked here, as in Go.

#include <string_view>

#include "chat/go_template/syntax.hpp"

namespace corral::chat::go_template {

// The tree is meaningless when `wrong` is set.
[[nodiscard]] syntax_tree parse(std::string_view source, problem& wrong);

}  // namespace corral::chat::go_template
