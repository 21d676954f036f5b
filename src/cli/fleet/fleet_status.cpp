// corral fleet status: all boxes of a list in one table.

#include <algorithm>
#include <array>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/base/reported_fields.hpp"
#include "cli/base/terminal.hpp"
#include "cli/fleet/fleet_command.hpp"
#include "cli/status/status_page.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/result.hpp"
#include "corral/core/text.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

// What the boxes of a fleet report, as one table. What a box reports is foreign: it is cut, and its control
// characters are made visible.

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

using json = nlohmann::ordered_json;

constexpr std::size_t longest_name = 80;
constexpr std::size_t longest_sentence = 500;
constexpr std::size_t most_findings = 50;  // of a box
constexpr std::size_t most_models = 1024;

bool has_model(const fleet_row& of, std::string_view state) {
    return std::ranges::any_of(of.models, [&](const auto& one) { return one.second == state; });
}

// An unloaded model is loaded by the next request for it.
std::string state_of(const fleet_row& row, const json& status) {
    const json upgrade = status.value("upgrade", json::object());
    if (reported_flag(status, "shutting_down")) {
        return "stopping";
    }
    if (!core::list_at(status, "closed").empty()) {
        return "closed";
    }
    if (upgrade.is_object() && reported_flag(upgrade, "under_way")) {
        return "upgrading";
    }
    if (reported_flag(status, "drained")) {
        return "drained";
    }
    if (has_model(row, "ready") || has_model(row, "unloaded")) {
        return "ready";
    }
    for (const char* const one : {"loading", "broken"}) {
        if (has_model(row, one)) {
            return one;
        }
    }
    return "no model";
}

void find(fleet_row& row, std::string sentence) {
    if (row.findings.size() < most_findings && !sentence.empty()) {
        row.findings.push_back(telemetry::printable(sentence, longest_sentence));
    }
}

// `object`: the model, or one of its instances.
void find_in_model(fleet_row& row, const json& object) {
    const std::string name = reported_text(object, "name", longest_name);
    if (reported_text(object, "state", longest_name) == "broken") {
        find(row, "model " + name + " is broken: " + reported_text(object, "reason", longest_sentence));
    }
    if (const std::string warning = reported_text(object, "warning", longest_sentence); !warning.empty()) {
        find(row, "model " + name + ": " + warning);
    }
    const json compute = object.value("compute", json::object());
    const std::string verdict = compute.is_object() ? reported_text(compute, "verdict") : std::string();
    if (verdict == "fallback" || verdict == "suspected") {
        find(row, "model " + name + ": " + reported_text(compute, "text", longest_sentence));
    }
}

void find_in_device(fleet_row& row, const json& tool) {
    if (const std::string problem = reported_text(tool, "problem", longest_sentence); !problem.empty()) {
        find(row, "device: " + problem);
    }
    for (const json& card : reported_objects(tool, "cards")) {
        if (const auto degrees = reported_number(card, "temperature_c")) {
            row.temperature_c = std::max(row.temperature_c.value_or(*degrees), *degrees);
        }
        const std::string health = reported_text(card, "health", longest_name);
        if (!health.empty() && health != "OK") {
            find(row, fmt::format("card {:.0f}: health {}", reported_amount(card, "card"), health));
        }
    }
}

void read_models(fleet_row& row, const json& status) {
    for (const json& model : reported_objects(status, "models")) {
        if (row.models.size() >= most_models) {
            break;
        }
        row.models.emplace_back(reported_text(model, "name", longest_name),
                                reported_text(model, "state", longest_name));
        row.tokens_per_second += reported_amount(model, "tokens_per_second");
        for (const json& one : reported_instances(model)) {
            find_in_model(row, one);
        }
    }
}

std::size_t ready_models(const fleet_row& of) {
    return static_cast<std::size_t>(
        std::ranges::count_if(of.models, [](const auto& one) { return one.second == "ready"; }));
}

constexpr std::size_t columns = 8;
using cells = std::array<std::string, columns>;

cells cells_of(const fleet_row& row) {
    if (row.state == "away") {
        return {row.name, row.state, "-", "-", "-", "-", "-", row.reason};
    }
    const std::string found =
        row.findings.empty()
            ? "-"
            : fmt::format("{} {}", row.findings.size(), row.findings.size() == 1 ? "finding" : "findings");
    // An address says less than a name.
    const bool bare = !row.box.empty() && core::is_digit(row.name.empty() ? '\0' : row.name.front());
    return {bare ? row.name + " (" + row.box + ")" : row.name,
            row.state,
            row.version.empty() ? "-" : row.version,
            fmt::format("{} of {} ready", ready_models(row), row.models.size()),
            fmt::format("{:.0f} run, {:.0f} wait", row.running, row.waiting),
            fmt::format("{:.1f}", row.tokens_per_second),
            row.temperature_c ? fmt::format("{:.0f} C", *row.temperature_c) : "-",
            found};
}

std::string line_of(const cells& of, const std::array<std::size_t, columns>& widths,
                    const text_style& style) {
    std::string out;
    for (std::size_t i = 0; i < columns; ++i) {
        const bool last = i + 1 == columns;
        const std::string text = i == 1 ? state_text(of[i], style) : of[i];
        out += text;
        out += last ? "" : std::string(widths[i] - columns_of(of[i]) + 2, ' ');
    }
    return out + "\n";
}

// `reply`: what the box answered to "status", or why it did not.
fleet_row fleet_row_of(std::string name, std::string url, const core::result<json>& reply) {
    fleet_row row;
    row.name = std::move(name);
    row.url = std::move(url);
    if (!reply) {
        row.state = "away";
        row.reason = telemetry::printable(reply.error().message, longest_sentence);
        return row;
    }
    const json& status = *reply;
    row.box = reported_text(status, "name", longest_name);
    row.version = reported_text(status, "version", longest_name);
    const json queue = status.value("queue", json::object());
    if (queue.is_object()) {
        row.running = reported_amount(queue, "running");
        row.waiting = reported_amount(queue, "waiting");
    }
    for (const json& why : core::list_at(status, "closed")) {
        find(row, "all clients are refused: " + (why.is_string() ? why.get<std::string>() : std::string()));
    }
    if (const json instead = status.value("in_place", json::object());
        instead.is_object() && !instead.empty()) {
        find(row, "its configuration has a mistake; it serves " + reported_text(instead, "served"));
    }
    for (const json& manifest : reported_objects(status, "left_out")) {
        find(row, "left out: " + reported_text(manifest, "file"));
    }
    for (const json& tool : reported_objects(status, "devices")) {
        find_in_device(row, tool);
    }
    read_models(row, status);
    row.state = state_of(row, status);
    return row;
}

// No box is away and nothing was found.
bool is_well(const std::vector<fleet_row>& rows) {
    return std::ranges::all_of(
        rows, [](const fleet_row& one) { return one.state != "away" && one.findings.empty(); });
}

// A line each with a head, then what was found. As wide as it gets.
std::string fleet_text(const std::vector<fleet_row>& rows, const text_style& style) {
    std::vector<cells> lines{
        {"BOX", "STATE", "VERSION", "MODELS", "REQUESTS", "TOKENS/S", "HOTTEST", "FINDINGS"}};
    std::ranges::transform(rows, std::back_inserter(lines), cells_of);
    std::array<std::size_t, columns> widths{};
    for (const cells& line : lines) {
        for (std::size_t i = 0; i < columns; ++i) {
            widths[i] = std::max<std::size_t>(widths[i], columns_of(line[i]));
        }
    }
    std::string out;
    for (const cells& line : lines) {
        out += line_of(line, widths, style);
    }
    for (const fleet_row& row : rows) {
        for (const std::string& one : row.findings) {
            out += row.name + ": " + one + "\n";
        }
    }
    return out;
}

json fleet_json(const std::vector<fleet_row>& rows) {
    json all = json::array();
    for (const fleet_row& row : rows) {
        json models = json::array();
        for (const auto& [name, state] : row.models) {
            models.push_back({{"name", name}, {"state", state}});
        }
        json one = {{"name", row.name}, {"box", row.box}, {"url", row.url}, {"state", row.state}};
        if (row.state == "away") {
            one["reason"] = row.reason;
        } else {
            one["version"] = row.version;
            one["models"] = std::move(models);
            one["queue"] = {{"waiting", static_cast<std::uint64_t>(row.waiting)},
                            {"running", static_cast<std::uint64_t>(row.running)}};
            one["tokens_per_second"] = row.tokens_per_second;
            one["temperature_c"] = row.temperature_c ? json(*row.temperature_c) : json(nullptr);
            one["findings"] = row.findings;
        }
        all.push_back(std::move(one));
    }
    return {{"ok", is_well(rows)}, {"boxes", std::move(all)}};
}

struct status_options {
    std::string file;
    unsigned limit = 5;  // seconds
    bool json = false;
};

int show_fleet(const status_options& asked, const std::map<std::string, std::string>& environment) {
    auto read = boxes_of(asked.file);
    if (!read) {
        return bad_configuration;
    }
    // Those behind one name can't be told apart here.
    std::erase_if(read->boxes, [](const boxes::box_entry& box) { return box.count > 0; });
    const auto replies =
        ask_boxes(find_boxes(read->boxes, read->edge.proxy_protocol, core::seconds(asked.limit)));
    std::vector<fleet_row> rows;
    for (std::size_t i = 0; i < read->boxes.size(); ++i) {
        rows.push_back(fleet_row_of(read->boxes[i].name, url_of(read->boxes[i]), replies[i]));
    }
    if (asked.json) {
        std::cout << fleet_json(rows).dump(2, ' ', false, control::admin_json::error_handler_t::replace)
                  << '\n';
    } else {
        std::cout << fleet_text(rows, style_of(STDOUT_FILENO, environment));
    }
    return is_well(rows) ? succeeded : failed;
}

}  // namespace

void add_fleet_status(CLI::App& fleet, command_context& context) {
    auto asked = std::make_shared<status_options>();
    CLI::App* one = fleet.add_subcommand("status",
                                         "Show the state of all boxes; exit status 1 if a box is unreachable "
                                         "or has findings, 2 if the list is invalid");
    one->add_option("file", asked->file, "List of boxes, e.g. boxes.toml")->required()->type_name("FILE");
    one->add_option("--limit", asked->limit, "Seconds to wait for each box; default: 5")
        ->check(CLI::Range(1U, 600U).description(""))
        ->type_name("SECONDS");
    one->add_flag("--json", asked->json, "Print JSON");
    one->parse_complete_callback([asked, &context] {
        context.run = [asked, &context] { return show_fleet(*asked, context.environment); };
    });
}

}  // namespace corral::cli
