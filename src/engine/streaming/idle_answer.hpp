#pragma once
// What a server says to the question whether anything runs in it (catalog::idle_probe). No I/O.

#include <string_view>

#include "corral/catalog/traits.hpp"

namespace corral::engine::streaming {

// True when the answer holds the wanted value at that place, in every element where the place says "*". An
// answer that is no JSON, or has no such place, says nothing, and that is not idle.
[[nodiscard]] bool says_idle(const catalog::idle_probe& probe, std::string_view body);

}  // namespace corral::engine::streaming
