#include "admin_status.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>

#include <fmt/format.h>
#include <unistd.h>

#include "corral/catalog/placement.hpp"
#include "corral/supervisor/group.hpp"
#include "corral/telemetry/log.hpp"
#include "corral/version.hpp"
#include "device_figures.hpp"

namespace corral::app {

namespace {

double seconds_of(core::nanoseconds span) {
    constexpr double per_second = 1000.0;
    return std::round(std::chrono::duration<double>(span).count() * per_second) / per_second;
}

// The wall clock may have jumped since; the age beside it counts.
std::string wall_stamp(core::nanoseconds age) {
    const auto when = std::chrono::system_clock::now() - age;
    const std::time_t whole = std::chrono::system_clock::to_time_t(
        std::chrono::time_point_cast<std::chrono::system_clock::duration>(when));
    std::tm parts{};
    ::gmtime_r(&whole, &parts);
    char text[32] = {};
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text;
}

admin_json percent_or_null(const std::optional<double>& progress) {
    return progress ? admin_json(std::round(*progress * 1000.0) / 10.0) : admin_json(nullptr);
}

admin_json service_json(const supervisor::service_status& service, core::steady_time now) {
    const core::nanoseconds age = std::max(core::nanoseconds{0}, core::nanoseconds(now - service.since));
    admin_json out;
    out["name"] = service.name;
    out["state"] = supervisor::to_string(service.state);
    out["since"] = wall_stamp(age);
    out["for_seconds"] = seconds_of(age);
    out["pid"] = service.pid != 0 ? admin_json(service.pid) : admin_json(nullptr);
    out["starts"] = service.starts;
    out["reason"] = service.reason;
    out["advice"] = service.advice;
    out["next_try_seconds"] = nullptr;
    if (service.next_try) {
        out["next_try_seconds"] = seconds_of(core::deadline(*service.next_try).left(now));
    }
    out["progress_percent"] = percent_or_null(service.progress);
    out["warning"] = service.warning;
    return out;
}

const char* word_of(engine::availability_state state) {
    switch (state) {
        case engine::availability_state::ready:
            return "ready";
        case engine::availability_state::loading:
            return "loading";
        case engine::availability_state::broken:
            return "broken";
        case engine::availability_state::stopped:
            break;
    }
    return "unloaded";
}

// Other names under which clients use the same processes.
admin_json names_beside(const admin_context& of, const std::string& lane) {
    admin_json out = admin_json::array();
    for (const api::served& each : of.models->all()) {
        if (each->lane == lane && each->name != lane) {
            out.push_back(each->name);
        }
    }
    return out;
}

admin_json model_json(const admin_context& of, engine::backend& runtime, core::steady_time now) {
    const catalog::model_entry& entry = runtime.model();
    const std::string& name = entry.name;
    const engine::availability state = runtime.available();
    const bool suspended = of.admission->suspended(name);
    const bool lives = state.state != engine::availability_state::stopped;
    const scheduler::model_queue queue = of.admission->queue_of(name);
    admin_json out;
    out["name"] = catalog::label_of(entry);
    out["model"] = name;
    if (admin_json others = names_beside(of, name); !others.empty()) {
        out["also"] = std::move(others);
    }
    out["state"] = suspended ? (lives ? "stopping" : "stopped") : word_of(state.state);
    out["reason"] = suspended ? std::string("stopped by its operator") : state.reason;
    out["progress_percent"] = percent_or_null(state.progress);
    out["warning"] = state.warning;
    out["waits"] = queue.why;
    const engine::device_claim claim = runtime.claim();
    out["pinned"] = entry.pinned;
    out["memory"] = {{"cards", claim.cards},
                     {"mb", claim.memory_mb},
                     {"measured", claim.measured},
                     {"after_unload", of.cards->after_unload(runtime)}};
    out["queue"] = {{"waiting", queue.waiting}, {"running", queue.running}};
    out["services"] = admin_json::array();
    for (const supervisor::service_status& service : runtime.services().status()) {
        out["services"].push_back(service_json(service, now));
    }
    return out;
}

// --- text

std::string text_of(const admin_json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? telemetry::printable(found->get<std::string>(), 500)
                                                       : std::string();
}

double number_of(const admin_json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_number() ? found->get<double>() : 0.0;
}

bool has_number(const admin_json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_number();
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

void add_note(std::string& out, const char* what, const std::string& text) {
    if (!text.empty()) {
        out += fmt::format("      {}: {}\n", what, text);
    }
}

std::string progress_text(const admin_json& of) {
    return has_number(of, "progress_percent") ? fmt::format(" {:.0f} %", number_of(of, "progress_percent"))
                                              : "";
}

void add_service(std::string& out, const admin_json& service) {
    const std::string state = text_of(service, "state");
    const double starts = number_of(service, "starts");
    out += fmt::format("    {:<12} {}{} for {}", text_of(service, "name"), state, progress_text(service),
                       span_text(number_of(service, "for_seconds")));
    if (has_number(service, "pid")) {
        out += fmt::format(", process {:.0f}", number_of(service, "pid"));
    }
    out += fmt::format(", {:.0f} {}", starts, starts == 1.0 ? "start" : "starts");
    if (has_number(service, "next_try_seconds")) {
        out += ", next try in " + span_text(number_of(service, "next_try_seconds"));
    }
    out += '\n';
    const std::string reason = text_of(service, "reason");
    add_note(out, "reason", reason == state ? std::string() : reason);
    add_note(out, "advice", text_of(service, "advice"));
    add_note(out, "warning", text_of(service, "warning"));
}

void add_device(std::string& out, const admin_json& tool) {
    if (const std::string problem = text_of(tool, "problem"); !problem.empty()) {
        out += fmt::format("  device: {} ({} ago)\n", problem, span_text(number_of(tool, "age_seconds")));
        return;
    }
    for (const admin_json& card : tool.value("cards", admin_json::array())) {
        if (!card.is_object()) {
            continue;
        }
        out += fmt::format("  device: card {:.0f} {}", number_of(card, "card"), text_of(card, "name"));
        if (has_number(card, "temperature_c")) {
            out += fmt::format(", {:.0f} C", number_of(card, "temperature_c"));
        }
        if (has_number(card, "memory_total_mb")) {
            out += fmt::format(", {:.0f} of {:.0f} MB in use", number_of(card, "memory_used_mb"),
                               number_of(card, "memory_total_mb"));
        }
        out += fmt::format(" ({} ago)\n", span_text(number_of(tool, "age_seconds")));
    }
}

}  // namespace

admin_json status_json(const admin_context& of) {
    const core::steady_time now = of.clock->now();
    const scheduler::queue_snapshot queue = of.admission->snapshot();
    admin_json out;
    out["ok"] = true;
    out["version"] = version;
    out["pid"] = ::getpid();
    out["uptime_seconds"] = seconds_of(now - of.started);
    out["reloads"] = of.reloads();
    out["shutting_down"] = of.admission->refuses_new();
    const upgrade_report upgrade = of.upgrades();
    out["upgrade"] = {
        {"under_way", upgrade.under_way}, {"status", upgrade.status}, {"failure", upgrade.failure}};
    out["queue"] = {{"waiting", queue.waiting}, {"running", queue.running}};
    out["swaps"] = {{"loads", queue.swaps}, {"evictions", queue.evictions}, {"overtaken", queue.overtaken}};
    if (admin_json devices = device_figures(*of.devices, now); !devices.is_null()) {
        out["devices"] = std::move(devices);
    }
    out["models"] = admin_json::array();
    for (const auto& runtime : *of.backends) {
        out["models"].push_back(model_json(of, *runtime, now));
    }
    return out;
}

std::string status_page(const admin_json& status) {
    std::string out = fmt::format("corral {}, process {:.0f}, up {}", text_of(status, "version"),
                                  number_of(status, "pid"), span_text(number_of(status, "uptime_seconds")));
    const auto ends = status.find("shutting_down");
    out += ends != status.end() && *ends == true ? ", shutting down\n" : "\n";
    const admin_json upgrade = status.value("upgrade", admin_json::object());
    if (const std::string stands = upgrade.is_object() ? text_of(upgrade, "status") : ""; !stands.empty()) {
        out += "  " + stands + '\n';
    }
    for (const admin_json& tool : status.value("devices", admin_json::array())) {
        if (tool.is_object()) {
            add_device(out, tool);
        }
    }
    const auto models = status.find("models");
    if (models == status.end() || !models->is_array()) {
        return out;
    }
    for (const admin_json& model : *models) {
        if (!model.is_object()) {
            continue;
        }
        const admin_json queue = model.value("queue", admin_json::object());
        out += fmt::format("  {}  {}{}, {:.0f} running, {:.0f} waiting\n", text_of(model, "name"),
                           text_of(model, "state"), progress_text(model), number_of(queue, "running"),
                           number_of(queue, "waiting"));
        add_note(out, "waits", text_of(model, "waits"));
        const admin_json memory = model.value("memory", admin_json::object());
        add_note(out, "memory", memory.is_object() ? text_of(memory, "after_unload") : "");
        const auto services = model.find("services");
        if (services == model.end() || !services->is_array()) {
            continue;
        }
        for (const admin_json& service : *services) {
            if (service.is_object()) {
                add_service(out, service);
            }
        }
    }
    return out;
}

}  // namespace corral::app
