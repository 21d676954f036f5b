#pragma once
// JSON that a server sent, as a tree that can be trusted not to be too deep: nlohmann's parser makes one of
// any depth, and crashes when it goes.

#include <cstddef>
#include <string_view>

#include <nlohmann/json.hpp>

namespace corral::engine::streaming {

// Discarded when `text` is no JSON or its containers are nested deeper than `deepest`; braces inside of texts
// don't count.
[[nodiscard]] nlohmann::json shallow_json(std::string_view text, std::size_t deepest = 32);

}  // namespace corral::engine::streaming
