#pragma once
// How long models stay loaded, as people and Ollama's variables say it.

#include <optional>
#include <string_view>

#include "corral/core/time.hpp"

namespace corral::config {

// "forever", "5m", "1h30m", "300" (seconds), anything negative (for ever); nothing for another text. For ever
// is a negative value (docs/facts/ollama_wire.md#environment).
[[nodiscard]] std::optional<core::nanoseconds> parse_keep_alive(std::string_view text);

}  // namespace corral::config
