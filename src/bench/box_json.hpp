#pragma once

#include <optional>

#include <nlohmann/json.hpp>

#include "corral/bench/box_watch.hpp"
#include "corral/bench/stages.hpp"

namespace corral::bench {

template <typename T>
[[nodiscard]] nlohmann::ordered_json known_or_null(const std::optional<T>& value) {
    return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

[[nodiscard]] nlohmann::ordered_json box_json(const box_watch& of);
[[nodiscard]] box_watch box_of(const nlohmann::ordered_json& object);
[[nodiscard]] nlohmann::ordered_json stages_json(const std::optional<stage_spans>& of);
// nullptr, or no object: nothing.
[[nodiscard]] std::optional<stage_spans> stages_in(const nlohmann::ordered_json* object);

}  // namespace corral::bench
