#include "cli/status/status_page.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "cli/base/reported_fields.hpp"
#include "corral/core/json_members.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

using json = nlohmann::ordered_json;

void add_note(std::string& out, const char* what, const std::string& text, const text_style& style) {
    if (!text.empty()) {
        out += fmt::format("      {}: {}\n", painted(what, colour::faint, style), text);
    }
}

// With the bar on a terminal, in words elsewhere.
std::string progress_text(const json& object, const text_style& style) {
    const auto percent = reported_number(object, "progress_percent");
    const auto left = reported_number(object, "left_seconds");
    if (!percent && !left) {
        return {};
    }
    return " " + load_bar(percent, left, style.live ? style.columns / 2 : 0);
}

void add_service(std::string& out, const json& service, const text_style& style) {
    const std::string state = reported_text(service, "state");
    const double starts = reported_amount(service, "starts");
    const auto percent = reported_number(service, "progress_percent");
    out += fmt::format("    {:<12} {}{} for {}", reported_text(service, "name"), state_text(state, style),
                       percent ? fmt::format(" {:.0f} %", *percent) : std::string(),
                       span_text(reported_amount(service, "for_seconds")));
    if (reported_number(service, "pid")) {
        out += fmt::format(", process {:.0f}", reported_amount(service, "pid"));
    }
    out += fmt::format(", {:.0f} {}", starts, starts == 1.0 ? "start" : "starts");
    if (reported_number(service, "next_try_seconds")) {
        out += ", next try in " + span_text(reported_amount(service, "next_try_seconds"));
    }
    out += '\n';
    const std::string reason = reported_text(service, "reason");
    add_note(out, "reason", reason == state ? std::string() : reason, style);
    add_note(out, "advice", reported_text(service, "advice"), style);
    add_note(out, "warning", reported_text(service, "warning"), style);
}

void add_device(std::string& out, const json& tool) {
    if (const std::string problem = reported_text(tool, "problem"); !problem.empty()) {
        out +=
            fmt::format("  device: {} ({} ago)\n", problem, span_text(reported_amount(tool, "age_seconds")));
        return;
    }
    for (const json& card : tool.value("cards", json::array())) {
        if (!card.is_object()) {
            continue;
        }
        out += fmt::format("  device: card {:.0f} {}", reported_amount(card, "card"),
                           reported_text(card, "name"));
        if (reported_number(card, "temperature_c")) {
            out += fmt::format(", {:.0f} C", reported_amount(card, "temperature_c"));
        }
        if (reported_number(card, "npu_percent")) {
            out += fmt::format(", {:.0f} % busy", reported_amount(card, "npu_percent"));
        }
        if (const std::string health = reported_text(card, "health"); !health.empty() && health != "OK") {
            out += ", health " + health;
        }
        if (reported_number(card, "system_memory_total_mb") && !reported_number(card, "memory_total_mb")) {
            out += fmt::format(", {:.0f} of {:.0f} MB of the system's memory in use",
                               reported_amount(card, "system_memory_used_mb"),
                               reported_amount(card, "system_memory_total_mb"));
        }
        if (reported_number(card, "memory_total_mb")) {
            out += fmt::format(", {:.0f} of {:.0f} MB in use", reported_amount(card, "memory_used_mb"),
                               reported_amount(card, "memory_total_mb"));
        }
        out += fmt::format(" ({} ago)\n", span_text(reported_amount(tool, "age_seconds")));
    }
}

void add_problems(std::string& out, const json& object) {
    for (const json& problem : core::list_at(object, "problems")) {
        if (problem.is_string()) {
            out += "      " + telemetry::printable(problem.get<std::string>(), 500) + '\n';
        }
    }
}

// How long it took to serve: from power-on where Corral came up with the machine, else from its own start.
void add_boot(std::string& out, const json& status) {
    constexpr double with_the_machine = 3600;
    const json boot = status.value("boot", json::object());
    const json started = boot.is_object() ? boot.value("started", json::object()) : json();
    if (!started.is_object() || started.empty()) {
        return;
    }
    const bool together = reported_amount(started, "after_power_on") < with_the_machine;
    const char* const since = together ? "after_power_on" : "after_start";
    std::string line;
    const auto add = [&](const std::string& what, const json& when) {
        if (const auto seconds = when.is_object() ? reported_number(when, since) : std::nullopt) {
            line += fmt::format("{}{} {:.1f} s", line.empty() ? "" : ", ", what, *seconds);
        }
    };
    if (together) {
        add("Corral", started);
    }
    add("ports", boot.value("listening", json()));
    for (const json& model : reported_objects(boot, "models")) {
        add(reported_text(model, "name"), model);
    }
    add("first answer", boot.value("first_answer", json()));
    out += line.empty() ? "" : fmt::format("  after {}: {}\n", together ? "power-on" : "its start", line);
}

void add_closed(std::string& out, const json& status, const text_style& style) {
    const auto add = [&](const char* sentences, const std::string& head) {
        for (const json& one : core::list_at(status, sentences)) {
            if (one.is_string()) {
                out += fmt::format("  {} {}\n", painted(head, colour::red, style),
                                   telemetry::printable(one.get<std::string>(), 500));
            }
        }
    };
    add("closed", "all clients are refused:");
    add("kept", "credentials:");
    const json instead = status.value("in_place", json::object());
    if (instead.is_object() && !instead.empty()) {
        out += fmt::format("  {} {} has a mistake; Corral serves {}. Fix it; no reload is needed.\n",
                           painted("configuration:", colour::red, style),
                           reported_text(status, "configuration"), reported_text(instead, "served"));
        add_problems(out, instead);
    }
}

void add_left_out(std::string& out, const json& manifest, const text_style& style) {
    out += fmt::format(
        "  {} {}{}\n", painted("left out:", colour::red, style), reported_text(manifest, "file"),
        reported_text(manifest, "name").empty() ? "" : ", model " + reported_text(manifest, "name"));
    add_problems(out, manifest);
}

void add_compute(std::string& out, const json& compute, const text_style& style) {
    const std::string verdict = reported_text(compute, "verdict");
    const bool trouble = verdict == "fallback" || verdict == "suspected";
    const std::string text = reported_text(compute, "text");
    add_note(out, "compute", trouble ? painted(text, colour::red, style) : text, style);
}

// "on; 12 of 20 prompts continued, 4500 of 9000 tokens (50 %) not computed anew".
std::string reuse_text(const json& reuse) {
    std::string out = reported_text(reuse, "state");
    if (const double runs = reported_amount(reuse, "runs"); runs > 0) {
        const double read = reported_amount(reuse, "prompt_tokens");
        const double cached = reported_amount(reuse, "cached_tokens");
        out += fmt::format(
            "; {:.0f} of {:.0f} prompts continued, {:.0f} of {:.0f} tokens ({:.0f} %) not computed anew",
            reported_amount(reuse, "continued"), runs, cached, read,
            read > 0 ? std::floor(100.0 * cached / read) : 0.0);
    }
    if (const double mistaken = reported_amount(reuse, "mistaken"); mistaken > 0) {
        out += fmt::format("; {:.0f} discarded, because the runtime held something else", mistaken);
    }
    if (const json ahead = reuse.value("ahead", json::object()); reported_amount(ahead, "made") > 0) {
        out += fmt::format(
            "; {:.0f} of {:.0f} beginnings computed ahead were used, which saved {:.1f} s and cost others "
            "{:.1f} s",
            reported_amount(ahead, "hits"), reported_amount(ahead, "made"),
            reported_amount(ahead, "seconds_saved"), reported_amount(ahead, "seconds_others_waited"));
    }
    const std::string why = reported_text(reuse, "why");
    return why.empty() ? out : out + ". " + why;
}

bool is_down(const json& object) {
    const std::string state = reported_text(object, "state");
    return state == "broken" || state == "stopped";
}

void add_processes(std::string& out, const json& object, const text_style& style) {
    if (const json tier = object.value("tier", json::object());
        tier.is_object() && reported_flag(tier, "serves")) {
        const std::string why = reported_text(tier, "why");
        add_note(out, "serves", "requests go here" + (why.empty() ? why : ", as " + why), style);
    }
    if (const json compute = object.value("compute", json::object());
        compute.is_object() && !is_down(object)) {
        add_compute(out, compute, style);
    }
    if (const json reuse = object.value("reuse", json::object());
        reuse.is_object() && !reported_text(reuse, "state").empty() && !is_down(object)) {
        add_note(out, "reuse", reuse_text(reuse), style);
    }
    const json memory = object.value("memory", json::object());
    add_note(out, "memory", memory.is_object() ? reported_text(memory, "after_unload") : std::string(),
             style);
    for (const json& service : reported_objects(object, "services")) {
        add_service(out, service, style);
    }
}

bool speaks(const json& object, std::initializer_list<const char*> keys) {
    return std::ranges::any_of(keys, [&](const char* key) { return !reported_text(object, key).empty(); });
}

// Nothing of it needs a second line.
bool is_well(const json& object) {
    const json compute = object.value("compute", json::object());
    const std::string verdict = compute.is_object() ? reported_text(compute, "verdict") : std::string();
    const json tier = object.value("tier", json::object());
    const bool fallen =
        tier.is_object() && reported_amount(tier, "number") > 0 && reported_flag(tier, "serves");
    const json memory = object.value("memory", json::object());
    if (reported_text(object, "state") == "unloaded") {
        return !speaks(object, {"warning", "waits"}) &&
               !(memory.is_object() && speaks(memory, {"after_unload"}));
    }
    const std::vector<json> services = reported_objects(object, "services");
    return reported_text(object, "state") == "ready" && !fallen && verdict != "fallback" &&
           verdict != "suspected" && !speaks(object, {"warning", "waits"}) &&
           std::ranges::all_of(services, [](const json& service) {
               return reported_text(service, "state") == "ready" && !speaks(service, {"advice", "warning"});
           });
}

void add_model(std::string& out, const json& model, const text_style& style, bool whole) {
    const json queue = model.value("queue", json::object());
    const json& counts = queue.is_object() ? queue : json::object();
    const std::string asked =
        queue_text(reported_amount(counts, "running"), reported_amount(counts, "waiting"));
    out += fmt::format("  {}  {}{}{}\n", painted(reported_text(model, "name"), colour::bold, style),
                       state_text(reported_text(model, "state"), style), progress_text(model, style),
                       asked.empty() ? "" : ", " + asked);
    add_note(out, "also serves", reported_words(model, "also"), style);
    add_note(out, "waits", reported_text(model, "waits"), style);
    if (reported_text(model, "state") == "stopped") {
        add_note(out, "reason",
                 reported_text(model, "reason") + "; 'corral start " + reported_text(model, "name") +
                     "' brings it back",
                 style);
    }
    const std::vector<json> instances = reported_objects(model, "instances");
    const std::vector<json> all = reported_instances(model);
    if (!whole && is_well(model) && std::ranges::all_of(all, is_well)) {
        return;
    }
    if (instances.empty()) {
        add_processes(out, model, style);
    }
    for (const json& instance : instances) {
        out +=
            fmt::format("   {}  {}{}\n", reported_text(instance, "name"),
                        state_text(reported_text(instance, "state"), style), progress_text(instance, style));
        add_processes(out, instance, style);
    }
}

}  // namespace

std::string load_bar(std::optional<double> percent, std::optional<double> left_seconds, unsigned columns) {
    std::string words = percent ? fmt::format("{:.0f} %", std::floor(std::clamp(*percent, 0.0, 100.0))) : "";
    if (left_seconds) {
        words += (words.empty() ? "" : ", ") + fmt::format("about {} left", span_text(*left_seconds));
    }
    constexpr unsigned least = 10;
    constexpr unsigned most = 40;
    const auto taken = static_cast<unsigned>(words.size()) + 4;
    if (!percent || columns < taken + least) {
        return words;
    }
    const unsigned wide = std::min(columns - taken, most);
    const auto full = static_cast<unsigned>(std::clamp(*percent, 0.0, 100.0) * wide / 100.0);
    return "[" + std::string(full, '#') + std::string(wide - full, '-') + "]  " + words;
}

std::string span_text(double seconds) {
    const auto whole = static_cast<long long>(std::clamp(seconds, 0.0, 1e12));
    if (whole < 60) {
        return fmt::format("{} s", whole);
    }
    if (whole < 3600) {
        return fmt::format("{} min {} s", whole / 60, whole % 60);
    }
    if (whole < 86400) {
        return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
    }
    return fmt::format("{} d {} h", whole / 86400, whole % 86400 / 3600);
}

std::string queue_text(double running, double waiting) {
    std::string out = running > 0 ? fmt::format("{:.0f} running", running) : std::string();
    if (waiting > 0) {
        out += fmt::format("{}{:.0f} waiting", out.empty() ? "" : ", ", waiting);
    }
    return out;
}

std::string state_text(const std::string& state, const text_style& style) {
    static constexpr std::array<std::pair<std::string_view, colour>, 7> colours{{
        {"ready", colour::green},
        {"loading", colour::yellow},
        {"starting", colour::yellow},
        {"waiting", colour::yellow},
        {"stopping", colour::yellow},
        {"broken", colour::red},
        {"left out", colour::red},
    }};
    const auto found = std::ranges::find_if(colours, [&](const auto& one) { return one.first == state; });
    return found == colours.end() ? state : painted(state, found->second, style);
}

std::string status_page(const json& status, const text_style& style, bool whole) {
    std::string out =
        fmt::format("corral {}{}, process {:.0f}, up {}", reported_text(status, "version"),
                    speaks(status, {"name"}) ? " on " + reported_text(status, "name") : std::string(),
                    reported_amount(status, "pid"), span_text(reported_amount(status, "uptime_seconds")));
    out += reported_flag(status, "shutting_down") ? ", shutting down" : "";
    out += reported_flag(status, "drained") ? ", drained ('corral undrain' ends that)\n" : "\n";
    const json upgrade = status.value("upgrade", json::object());
    if (const std::string stands = upgrade.is_object() ? reported_text(upgrade, "status") : "";
        !stands.empty()) {
        out += "  " + stands + '\n';
    }
    if (whole) {
        add_boot(out, status);
    }
    add_closed(out, status, style);
    for (const json& tool : reported_objects(status, "devices")) {
        add_device(out, tool);
    }
    for (const json& model : reported_objects(status, "models")) {
        add_model(out, model, style, whole);
    }
    if (status.contains("models") && reported_objects(status, "models").empty() &&
        reported_objects(status, "left_out").empty()) {
        out += "  no model yet: 'corral search' lists what fits this box, 'corral pull NAME' fetches one\n";
    }
    for (const json& manifest : reported_objects(status, "left_out")) {
        add_left_out(out, manifest, style);
    }
    return out;
}

std::string trouble_text(const json& model) {
    std::string out = reported_text(model, "reason");
    if (reported_text(model, "state") == "loading" && out == "loading") {
        out.clear();
    }
    double next = 0;  // it takes all of its services
    for (const json& service : reported_objects(model, "services")) {
        next = std::max(next, reported_amount(service, "next_try_seconds"));
    }
    const bool sentence = out.ends_with('.');
    return next > 0 ? out + (sentence ? " Next try in " : ", next try in ") + span_text(std::ceil(next)) +
                          (sentence ? "." : "")
                    : out;
}

std::string loads_page(const json& status, const text_style& style) {
    std::string out;
    for (const json& model : all_instances(status)) {
        if (reported_text(model, "state") != "loading") {
            continue;
        }
        const std::string name = reported_text(model, "name");
        const auto room = static_cast<unsigned>(std::min<std::size_t>(name.size() + 2, style.columns));
        std::string words = load_bar(reported_number(model, "progress_percent"),
                                     reported_number(model, "left_seconds"), style.columns - room);
        const std::string trouble = trouble_text(model);
        words += (words.empty() || trouble.empty() ? "" : "  ") + trouble;
        out += fmt::format("{}  {}\n", painted(name, colour::bold, style), words.empty() ? "loading" : words);
    }
    return out;
}

bool still_loads(const json& status) {
    const auto models = all_instances(status);
    return std::ranges::any_of(models,
                               [](const json& model) { return reported_text(model, "state") == "loading"; });
}

}  // namespace corral::cli
