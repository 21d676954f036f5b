#pragma once
// Time stamps as Go prints them: RFC 3339 with up to nine fractional digits, trailing zeros cut
// (docs/facts/ollama_wire.md#transport).

#include <chrono>
#include <string>

namespace corral::api {

using wall_time = std::chrono::system_clock::time_point;

[[nodiscard]] std::string utc_stamp(wall_time when);  // 2026-08-21T18:48:22.123456789Z
[[nodiscard]] std::string local_stamp(
    wall_time when);  // 2026-08-21T20:48:22.123456789+02:00; Z when the offset is zero

}  // namespace corral::api
