#pragma once
// What the boxes of a fleet report, as one table. What a box reports is foreign: it is cut, and its control
// characters are made visible.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/base/terminal.hpp"
#include "corral/core/result.hpp"

namespace corral::cli {

struct fleet_row {
    std::string name;
    std::string box;  // as it calls itself; empty: not known
    std::string url;
    // ready, loading, broken, "no model", drained, closed, upgrading, stopping; away: it does not answer
    std::string state;
    std::string reason;  // of one that is away, one sentence
    std::string version;
    std::vector<std::pair<std::string, std::string>> models;  // name and state
    double running = 0;
    double waiting = 0;
    double tokens_per_second = 0;         // of what runs now
    std::optional<double> temperature_c;  // of the hottest card
    std::vector<std::string> findings;    // what its operator should look at, a sentence each
};

// `reply`: what the box answered to "status", or why it did not.
[[nodiscard]] fleet_row fleet_row_of(std::string name, std::string url,
                                     const core::result<nlohmann::ordered_json>& reply);

// No box is away and nothing was found.
[[nodiscard]] bool is_well(const std::vector<fleet_row>& rows);

// A line each with a head, then what was found. As wide as it gets.
[[nodiscard]] std::string fleet_text(const std::vector<fleet_row>& rows, const text_style& style);
[[nodiscard]] nlohmann::ordered_json fleet_json(const std::vector<fleet_row>& rows);

}  // namespace corral::cli
