#include "cli/status/top_page.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>

#include "cli/base/reported_fields.hpp"
#include "cli/status/status_page.hpp"
#include "corral/core/json_members.hpp"

namespace corral::cli {

namespace {

using json = nlohmann::ordered_json;

constexpr std::size_t most_requests = 8;
constexpr std::size_t most_incidents = 3;

using row = std::vector<std::string>;

// Columns as wide as their widest word; the head is faint.
std::string table(const std::vector<row>& rows, const text_style& style) {
    std::vector<std::size_t> widths;
    for (const row& each : rows) {
        widths.resize(std::max(widths.size(), each.size()));
        for (std::size_t i = 0; i < each.size(); ++i) {
            widths[i] = std::max<std::size_t>(widths[i], columns_of(each[i]));
        }
    }
    std::string out;
    for (std::size_t r = 0; r < rows.size(); ++r) {
        std::string line;
        for (std::size_t i = 0; i < rows[r].size(); ++i) {
            const std::size_t pad = i + 1 < rows[r].size() ? widths[i] - columns_of(rows[r][i]) + 2 : 0;
            line += rows[r][i] + std::string(pad, ' ');
        }
        out += (r == 0 ? painted(line, colour::faint, style) : line) + '\n';
    }
    return rows.size() > 1 ? out + '\n' : std::string();
}

const json& object_at(const json& object, const char* key) {
    static const json none = json::object();
    const json* const found = core::member(object, key);
    return found != nullptr && found->is_object() ? *found : none;
}

std::string rate_of(const json& model) {
    const double rate = reported_amount(model, "tokens_per_second");
    return rate > 0 ? fmt::format("{:.1f}", rate) : std::string();
}

// Zeros are left out.
std::string count_of(const json& queue, const char* key) {
    const double count = reported_amount(queue, key);
    return count > 0 ? fmt::format("{:.0f}", count) : std::string();
}

// Of one that holds them: one that is not loaded may come to others.
std::string cards_of(const json& processes) {
    std::string out;
    const std::string state = reported_text(processes, "state");
    if (state != "ready" && state != "loading" && state != "stopping") {
        return out;
    }
    for (const json& card : core::list_at(object_at(processes, "memory"), "cards")) {
        out += (out.empty() ? "" : ",") + (card.is_number() ? card.dump() : std::string("?"));
    }
    return out;
}

std::string state_of(const json& processes, const text_style& style) {
    const std::string state = reported_text(processes, "state");
    const bool loads =
        reported_number(processes, "progress_percent") || reported_number(processes, "left_seconds");
    return state_text(state, style) + (loads ? " " + load_bar(reported_number(processes, "progress_percent"),
                                                              reported_number(processes, "left_seconds"), 0)
                                             : std::string());
}

std::string models_text(const json& status, const text_style& style) {
    std::vector<row> rows{{"MODEL", "STATE", "CARDS", "RUN", "WAIT", "TOKENS/S"}};
    for (const json& model : reported_objects(status, "models")) {
        const json& queue = object_at(model, "queue");
        rows.push_back({painted(reported_text(model, "name"), colour::bold, style), state_of(model, style),
                        cards_of(model), count_of(queue, "running"), count_of(queue, "waiting"),
                        rate_of(model)});
        for (const json& one : reported_objects(model, "instances")) {
            rows.push_back({"  " + reported_text(one, "name"), state_of(one, style), cards_of(one), "", "",
                            rate_of(one)});
        }
    }
    return table(rows, style);
}

std::string more_text(std::size_t shown, std::size_t all) {
    return all > shown ? fmt::format("and {} more\n\n", all - shown) : std::string();
}

std::string requests_text(const json& requests, const text_style& style) {
    std::vector<row> rows{{"REQUEST", "MODEL", "", ""}};
    const std::vector<json> running = reported_objects(requests, "running");
    const std::vector<json> waiting = reported_objects(requests, "waiting");
    for (const json& one : running) {
        if (rows.size() <= most_requests) {
            const double pieces = reported_amount(one, "pieces");
            rows.push_back({reported_text(one, "id"), reported_text(one, "model"), "runs",
                            fmt::format("{:.0f} piece{}", pieces, pieces == 1 ? "" : "s")});
        }
    }
    for (const json& one : waiting) {
        if (rows.size() <= most_requests) {
            const auto left = reported_number(one, "estimate_seconds");
            const double before = reported_amount(one, "position");
            rows.push_back({reported_text(one, "id"), reported_text(one, "model"),
                            before > 0 ? fmt::format("behind {:.0f}", before) : std::string("next"),
                            "waits for " + span_text(reported_amount(one, "waited_seconds")) +
                                (left ? ", turn in about " + span_text(*left) : std::string())});
        }
    }
    return table(rows, style) + more_text(rows.size() - 1, running.size() + waiting.size());
}

std::string cards_text(const json& status, const text_style& style) {
    std::vector<row> rows{{"CARD", "", "MEMORY", "NPU", "TEMPERATURE"}};
    for (const json& tool : reported_objects(status, "devices")) {
        for (const json& card : reported_objects(tool, "cards")) {
            const auto figure = [&](const char* key, const char* unit) {
                const auto value = reported_number(card, key);
                return value ? fmt::format("{:.0f}{}", *value, unit) : std::string("-");
            };
            rows.push_back({figure("card", ""), reported_text(card, "name"),
                            figure("memory_used_mb", " of ") + figure("memory_total_mb", " MB"),
                            figure("npu_percent", " %"), figure("temperature_c", " C")});
        }
    }
    return table(rows, style);
}

std::string incidents_text(const json& incidents, const text_style& style) {
    std::vector<row> rows{{"INCIDENT", "MODEL", ""}};
    for (const json& one : incidents.is_array() ? incidents : json::array()) {
        if (one.is_object() && rows.size() <= most_incidents) {
            rows.push_back(
                {reported_text(one, "time"), reported_text(one, "model"), reported_text(one, "sentence")});
        }
    }
    return table(rows, style);
}

}  // namespace

std::string top_page(const json& status, const json& requests, const json& incidents,
                     const text_style& style) {
    const json& queue = object_at(status, "queue");
    double rate = 0;
    for (const json& model : reported_objects(status, "models")) {
        rate += reported_amount(model, "tokens_per_second");
    }
    std::string work = queue_text(reported_amount(queue, "running"), reported_amount(queue, "waiting"));
    if (rate > 0) {
        work += fmt::format("{}{:.1f} tokens/s", work.empty() ? "" : ", ", rate);
    }
    std::string out = fmt::format(
        "{}  {}; up {}{}\n\n", painted("corral " + reported_text(status, "version"), colour::bold, style),
        work.empty() ? "idle" : work, span_text(reported_amount(status, "uptime_seconds")),
        reported_flag(status, "drained") ? painted("; drained", colour::yellow, style) : std::string());
    const std::string models = models_text(status, style);
    out += models.empty() ? "There is no model yet: 'corral search' lists what fits this box.\n\n" : models;
    return out + requests_text(requests, style) + cards_text(status, style) +
           incidents_text(incidents, style);
}

}  // namespace corral::cli
