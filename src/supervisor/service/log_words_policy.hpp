#pragma once
// What a line of the log says of a service, after the line before it. Nothing is said twice. No I/O.

#include <string>

#include "corral/supervisor/service_status.hpp"

namespace corral::supervisor {

// `before` is what was logged last. The times of `now` are seen at `at`.
[[nodiscard]] std::string log_words(const service_status& before, const service_status& now,
                                    core::steady_time at);

}  // namespace corral::supervisor
