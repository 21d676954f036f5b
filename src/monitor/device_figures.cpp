#include "corral/monitor/device_figures.hpp"

#include <chrono>
#include <cmath>
#include <optional>
#include <string>

namespace corral::monitor {

namespace {

using json = nlohmann::ordered_json;

template <typename Figure>
void add(json& to, const char* name, const std::optional<Figure>& figure) {
    if (figure) {
        to[name] = *figure;
    }
}

json card_json(const device::card_figures& card) {
    json out{{"card", card.index}};
    if (!card.name.empty()) {
        out["name"] = card.name;
    }
    if (!card.firmware.empty()) {
        out["firmware"] = card.firmware;
    }
    add(out, "temperature_c", card.temperature);
    add(out, "cpu_percent", card.cpu);
    add(out, "npu_percent", card.npu);
    add(out, "npu_most_percent", card.npu_most);
    add(out, "power_w", card.power);
    if (!card.health.empty()) {
        out["health"] = card.health;
    }
    if (!card.health_code.empty()) {
        out["health_code"] = card.health_code;
    }
    if (card.memory) {
        out["system_memory_used_mb"] = card.memory->used;
        out["system_memory_total_mb"] = card.memory->total;
    }
    if (card.model_memory) {
        out["memory_used_mb"] = card.model_memory->used;
        out["memory_total_mb"] = card.model_memory->total;
    }
    return out;
}

// The good answer that is the newest about that card, of all tools.
const device::device_look* newest_about(unsigned card, const device::reader_set& tools) {
    const device::device_look* newest = nullptr;
    for (const auto& tool : tools.all()) {
        const device::device_look* const look = tool->last();
        const bool tells = look != nullptr && look->problem == device::look_problem::none &&
                           device::find_card(look->report, card) != nullptr;
        if (tells && (newest == nullptr || look->at > newest->at)) {
            newest = look;
        }
    }
    return newest;
}

json tool_json(const device::reader& tool, const device::reader_set& among, core::steady_time now) {
    const device::device_look& look = *tool.last();
    json out{{"tool", tool.options().command.empty() ? std::string() : tool.options().command.front()},
             {"age_seconds", std::round(std::chrono::duration<double>(now - look.at).count() * 10.0) / 10.0}};
    if (look.problem != device::look_problem::none) {
        out["problem"] = look.message;
        return out;
    }
    if (!look.report.driver.empty()) {
        out["driver"] = look.report.driver;
    }
    out["cards"] = json::array();
    for (const device::card_figures& card : look.report.cards) {
        if (newest_about(card.index, among) == &look) {
            out["cards"].push_back(card_json(card));
        }
    }
    return out;
}

}  // namespace

json device_figures(const device::reader_set& tools, core::steady_time now) {
    json out = json::array();
    for (const auto& tool : tools.all()) {
        if (tool->last() != nullptr) {
            out.push_back(tool_json(*tool, tools, now));
        }
    }
    return out;
}

}  // namespace corral::monitor
