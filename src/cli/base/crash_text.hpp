#pragma once
// A black box bundle for people. What is read may be damaged, or of another version: what is missing or of
// the wrong kind is left out, and control characters are made visible.

#include <string>

#include <nlohmann/json.hpp>

namespace corral::cli {

// One line's worth of a bundle: name, time, model, kind, service, sentence. `bundle` null: it can't be read.
[[nodiscard]] nlohmann::ordered_json summary(const std::string& name, const nlohmann::ordered_json& bundle);

// An array of summaries, newest first, numbered.
[[nodiscard]] std::string list_text(const nlohmann::ordered_json& summaries);

[[nodiscard]] std::string bundle_text(const nlohmann::ordered_json& bundle);

}  // namespace corral::cli
