#pragma once
// The `keep_alive` of a request (docs/facts/ollama_wire.md#keep-alive); zero with an empty prompt is an
// unload request.

#include <optional>
#include <string_view>

#include "api/json/json_fields.hpp"
#include "corral/core/time.hpp"

namespace corral::api::ollama {

// A number of seconds, or a duration as Go writes it; nanoseconds::max() for a negative one, which means for
// ever. Nothing when absent or null, and when it is malformed, which is then the problem.
[[nodiscard]] std::optional<core::nanoseconds> read_keep_alive(const json_fields& fields);

// "1h2m3.5s", "300ms", "-1s", "0". The problem has the text of Go's time.ParseDuration.
[[nodiscard]] std::optional<core::nanoseconds> parse_go_duration(std::string_view text,
                                                                 decode_problem& problem);

}  // namespace corral::api::ollama
