#pragma once
// The status for people, from what status_json() of another process says: what is missing there, or of the
// wrong kind, is left out, and control characters are made visible. No I/O.

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "cli/base/terminal.hpp"

namespace corral::cli {

// "[#########-----------]  45 %, about 1 min 20 s left" in at most `columns`; without a bar where there is
// no room for it, or `columns` is 0.
[[nodiscard]] std::string load_bar(std::optional<double> percent, std::optional<double> left_seconds,
                                   unsigned columns);

// "40 s", "3 min 5 s", "2 h 4 min", "3 d 1 h".
[[nodiscard]] std::string span_text(double seconds);

[[nodiscard]] std::string status_page(const nlohmann::ordered_json& status, const text_style& style,
                                      bool whole = false);

// Why a model of the status does not serve, and when it is tried again; empty while it only loads.
[[nodiscard]] std::string trouble_text(const nlohmann::ordered_json& model);

// A line for each model that loads; empty when none does.
[[nodiscard]] std::string loads_page(const nlohmann::ordered_json& status, const text_style& style);

// Some model still loads, or waits to be started again.
[[nodiscard]] bool still_loads(const nlohmann::ordered_json& status);

// "1 running, 2 waiting", without zeros.
[[nodiscard]] std::string queue_text(double running, double waiting);

// "ready" and the like, in its colour.
[[nodiscard]] std::string state_text(const std::string& state, const text_style& style);

}  // namespace corral::cli
