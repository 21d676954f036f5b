#pragma once
// UTC as text, for logs, files and interfaces. Decisions use steady time (time.hpp): the wall clock jumps.

#include <chrono>
#include <optional>
#include <string>

namespace corral::core {

using wall_time = std::chrono::system_clock::time_point;

// `when` by a form of strftime(3), at most 63 characters; whole seconds, rounded down.
[[nodiscard]] std::string utc_text(wall_time when, const char* form = "%Y-%m-%dT%H:%M:%SZ");

// As "2026-03-01T12:00:00.042Z".
[[nodiscard]] std::string utc_milliseconds(wall_time when);

// Of "2026-05-04T17:37:44.706015396-07:00", rounded down to its second.
[[nodiscard]] std::optional<wall_time> stamp_of(const std::string& text);

}  // namespace corral::core
