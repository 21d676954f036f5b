#include "fault_switches.hpp"

#include <utility>
#include <vector>

#include "scenario.hpp"

namespace corral::sim {
namespace {

using nlohmann::json;

std::vector<std::string> argument_names(const fault_entry& entry) {
    std::vector<std::string> names;
    std::string name;
    bool in_name = true;
    for (char c : entry.args) {
        if (c == ',') {
            names.push_back(name);
            name.clear();
            in_name = true;
        } else if (c == '=') {
            in_name = false;
        } else if (in_name && c != ' ') {
            name += c;
        }
    }
    if (!name.empty()) names.push_back(name);
    return names;
}

const fault_entry& entry_of(const std::string& name) {
    if (const auto* entry = find_fault(name)) return *entry;
    std::vector<std::string> names;
    for (const auto& entry : fault_catalog()) names.emplace_back(entry.name);
    throw scenario_error("unknown fault '" + name + "'; nearest is '" + nearest_word(name, names) + "'");
}

void check_arguments(const fault_entry& entry, const json& args) {
    if (args.is_null()) return;
    if (!args.is_object())
        throw scenario_error("args of '" + std::string(entry.name) + "' must be an object");
    const auto names = argument_names(entry);
    for (const auto& [key, value] : args.items()) {
        bool known = false;
        for (const auto& name : names) known = known || name == key;
        if (!known)
            throw scenario_error("fault '" + std::string(entry.name) + "' has no argument '" + key +
                                 "'; nearest is '" + nearest_word(key, names) + "'");
    }
}

json with_default_phase(const std::string& name, json args) {
    if (!args.contains("phase")) args["phase"] = name == "kill_at" || name == "freeze" ? "now" : "decode";
    return args;
}

int remaining_of(const json& on) {
    if (on.is_boolean()) return on.get<bool>() ? -1 : 0;
    if (on == "once") return 1;
    if (on.is_number_integer() && on.get<int>() > 0) return on.get<int>();
    throw scenario_error("'on' must be true, false, \"once\" or a positive number");
}

}  // namespace

bool fault_switches::set(const std::string& name, const json& on, const json& args) {
    const auto& entry = entry_of(name);
    check_arguments(entry, args);
    const int remaining = remaining_of(on);
    if ((static_cast<int>(entry.program) & static_cast<int>(program_)) == 0) return false;
    const std::lock_guard lock(mutex_);
    if (remaining == 0)
        armed_.erase(name);
    else
        armed_[name] = {remaining, with_default_phase(name, args.is_null() ? json::object() : args)};
    return true;
}

void fault_switches::set_all(const json& faults) {
    if (!faults.is_object()) throw scenario_error("'faults' must be an object");
    for (const auto& [name, value] : faults.items()) {
        if (!value.is_object()) {
            set(name, value, nullptr);
            continue;
        }
        for (const auto& [key, unused] : value.items())
            if (key != "on" && key != "args")
                throw scenario_error("fault '" + name + "' has no key '" + key + "'; nearest is '" +
                                     nearest_word(key, {"on", "args"}) + "'");
        set(name, value.value("on", json(true)), value.value("args", json()));
    }
}

bool fault_switches::active(std::string_view name) const {
    const std::lock_guard lock(mutex_);
    return armed_.find(name) != armed_.end();
}

std::optional<json> fault_switches::consume(armed_map::iterator at) {
    auto args = at->second.args;
    if (at->second.remaining > 0 && --at->second.remaining == 0) armed_.erase(at);
    return std::make_optional(std::move(args));
}

std::optional<json> fault_switches::fire(std::string_view name, std::string_view route) {
    const std::lock_guard lock(mutex_);
    const auto at = armed_.find(name);
    if (at == armed_.end()) return std::nullopt;
    const auto wanted = at->second.args.value("route", std::string());
    if (!wanted.empty() && route.find(wanted) == std::string_view::npos) return std::nullopt;
    return consume(at);
}

bool fault_switches::matches_phase(const armed& fault, std::string_view phase, int count) {
    return fault.args.value("phase", std::string()) == phase && count >= fault.args.value("after", 0);
}

std::optional<json> fault_switches::fire_at(std::string_view name, std::string_view phase, int count) {
    const std::lock_guard lock(mutex_);
    const auto at = armed_.find(name);
    if (at == armed_.end() || !matches_phase(at->second, phase, count)) return std::nullopt;
    return consume(at);
}

bool fault_switches::waits_at(std::string_view name, std::string_view phase, int count) const {
    const std::lock_guard lock(mutex_);
    const auto at = armed_.find(name);
    return at != armed_.end() && matches_phase(at->second, phase, count);
}

json fault_switches::active_faults() const {
    const std::lock_guard lock(mutex_);
    json out = json::object();
    for (const auto& [name, fault] : armed_)
        out[name] = {{"on", fault.remaining < 0 ? json(true) : json(fault.remaining)}, {"args", fault.args}};
    return out;
}

}  // namespace corral::sim
