#pragma once
// How long a load will still take, for people and orchestrators.

#include <optional>

#include "corral/core/time.hpp"

namespace corral::supervisor {

// `progress`: 0..1, of a bar that moves about evenly; `usual`: what the last load took. Nothing when neither
// says anything yet. At least 1 s while it has not ended.
[[nodiscard]] std::optional<core::seconds> load_time_left(std::optional<double> progress,
                                                          core::nanoseconds elapsed,
                                                          std::optional<core::nanoseconds> usual);

}  // namespace corral::supervisor
