#pragma once
// A black box bundle for people. What is read may be damaged, or of another version: what is missing or of
// the wrong kind is left out, and control characters are made visible.

#include <string>

#include <nlohmann/json.hpp>

namespace corral::cli {

// What telemetry::summarise_crashes() gives, numbered.
[[nodiscard]] std::string list_text(const nlohmann::ordered_json& summaries);

[[nodiscard]] std::string bundle_text(const nlohmann::ordered_json& bundle);

}  // namespace corral::cli
