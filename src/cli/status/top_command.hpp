#pragma once
// What `corral top` shows: one screen of the box.

#include <string>

#include <nlohmann/json.hpp>

#include "cli/base/terminal.hpp"

namespace corral::cli {

// `status` with tokens_per_second of each model, `requests` as the box's API has them, `incidents` as summary() has
// them, newest first. Members that are missing, or of another kind, are left out.
[[nodiscard]] std::string top_page(const nlohmann::ordered_json& status,
                                   const nlohmann::ordered_json& requests,
                                   const nlohmann::ordered_json& incidents, const text_style& style);

}  // namespace corral::cli
