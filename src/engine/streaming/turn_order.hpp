#pragma once
// The order of turns that a server's own chat template takes. Pure.

#include <vector>

#include "corral/chat/render.hpp"

namespace corral::engine::streaming {

// For a template that refused `turns`: the same texts as more templates take them. At first nothing but a user and an
// assistant in turn behind the system prompt; then the system prompt in the first user turn. False: nothing is left to try.
[[nodiscard]] bool make_plainer(std::vector<chat::role_text>& turns);

}  // namespace corral::engine::streaming
