#pragma once
// A line of `corral logs` for people, from what the daemon says: what is missing or of the wrong kind is left
// out, and control characters are made visible.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "cli/base/terminal.hpp"

namespace corral::cli {

// "2026-11-20 19:18:01.250 +0100  qwen3:4b/runtime  [I][Init] done" and a line break; the time is this machine's.
[[nodiscard]] std::string log_line_text(const nlohmann::ordered_json& line, const text_style& style);

// Where the API of the box has the last `lines` of `target` (empty: everything), and those to come where `follow`.
[[nodiscard]] std::string log_path(const std::string& target, std::int64_t lines, bool follow);

// What an event of that stream says of lines, for log_line_text(); nothing for another one.
[[nodiscard]] std::optional<nlohmann::ordered_json> log_line_of(std::string_view event,
                                                                nlohmann::ordered_json data);

// "(412 routine lines of qwen3:4b/tokenizer were counted, and not shown)" and a line break.
[[nodiscard]] std::string routine_text(const nlohmann::ordered_json& object);

// The same instant in this machine's time zone, "2026-11-20 19:18:01.250 +0100", of "2026-11-20T18:18:01.250Z"; as
// it is when it can't be read.
[[nodiscard]] std::string local_time(const std::string& stamp);

// A black box bundle for people. What is read may be damaged, or of another version: what is missing or of
// the wrong kind is left out, and control characters are made visible.

// What telemetry::summarise_crashes() gives, numbered.
[[nodiscard]] std::string list_text(const nlohmann::ordered_json& summaries);

[[nodiscard]] std::string bundle_text(const nlohmann::ordered_json& bundle);

}  // namespace corral::cli
