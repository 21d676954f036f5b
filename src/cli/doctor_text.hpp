#pragma once
// What `corral doctor` prints, and the status that it ends with.

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "corral/catalog/finding.hpp"
#include "terminal.hpp"

namespace corral::cli {

// 0: nothing above a note, 1: warnings, 2: errors.
[[nodiscard]] int doctor_status(const std::vector<catalog::finding>& found);

// For people: grouped by what was looked at, the worst group first, each finding with why and what to do.
// `found` is sorted, worst first.
[[nodiscard]] std::string doctor_page(const std::vector<catalog::finding>& found, const text_style& style);

// An array of objects {id, severity, subject, what, why, fix}, all texts.
[[nodiscard]] nlohmann::ordered_json doctor_json(const std::vector<catalog::finding>& found);

}  // namespace corral::cli
