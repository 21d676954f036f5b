#pragma once
// The lists of many boxes as one, in the forms of a single box (docs/facts/ollama_wire.md).

#include <vector>

#include <nlohmann/json.hpp>

namespace corral::boxes {

// Of /api/tags: each name once, whatever its case, as the first box has it. At most 10'000.
[[nodiscard]] nlohmann::ordered_json joined_tags(const std::vector<nlohmann::ordered_json>& of);
// The same of /v1/models.
[[nodiscard]] nlohmann::ordered_json joined_models(const std::vector<nlohmann::ordered_json>& of);
// Of /api/ps: what runs anywhere, each name once, with the last time at which it is unloaded somewhere.
[[nodiscard]] nlohmann::ordered_json joined_running(const std::vector<nlohmann::ordered_json>& of);

}  // namespace corral::boxes
