#include "cli/status/model_page.hpp"

#include <chrono>
#include <string_view>

#include <fmt/format.h>

#include "cli/base/reported_fields.hpp"
#include "cli/status/model_listing.hpp"
#include "cli/status/status_page.hpp"
#include "corral/catalog/placeholders.hpp"
#include "corral/catalog/placement.hpp"
#include "corral/catalog/toml_section.hpp"
#include "corral/config/without_secrets.hpp"
#include "corral/core/json_members.hpp"
#include "corral/package/package_tree.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

using json = nlohmann::ordered_json;

json service_facts(const catalog::model_entry& model, const catalog::service_template& service) {
    auto ports = catalog::stand_in_ports(model.runtime, 0);
    json out;
    out["name"] = service.name;
    const auto expanded = catalog::expand_service(model, service, ports);
    if (!expanded) {
        out["problem"] = expanded.error().message;
        return out;
    }
    out["command"] = config::command_without_secrets(expanded->command);
    out["working_directory"] = expanded->working_directory;
    json environment = json::object();
    for (const auto& [name, value] : expanded->environment) {
        environment[name] =
            config::names_secret(name) ? std::string(config::left_out) : config::word_without_secrets(value);
    }
    out["environment"] = std::move(environment);
    out["port"] = ports[service.name] != 0 ? json(ports[service.name]) : json(nullptr);
    out["device"] = service.device;
    return out;
}

// What the operator leaves open of a model, its file says.
void add_file_facts(json& to, const catalog::model_entry& model,
                    const std::shared_ptr<const engine::file_facts>& file) {
    engine::stated_model stated;
    engine::fill_from_file(stated, file);
    to["architecture"] = engine::architecture_of(model, stated);
    const std::uint32_t length = engine::embedding_length_of(model, stated);
    to["embedding_length"] = length != 0 ? json(length) : json(nullptr);
    to["parameter_size"] = engine::parameter_size_of(model, stated);
    to["quantization"] = model.quantization.empty() ? stated.quantization : model.quantization;
}

json context_facts(const catalog::context_sizes& of) {
    const auto known = [](std::uint32_t value) { return value != 0 ? json(value) : json(nullptr); };
    return {{"positions", known(of.positions)},
            {"prompt_limit", known(of.prompt_limit)},
            {"chunk", known(of.chunk)},
            {"vocabulary", known(of.vocabulary)}};
}

// Of a daemon that has the model; null: none was asked, or it has not seen it loaded.
json learned_facts(const json& status) {
    json out = {{"positions", nullptr},         {"prompt_limit", nullptr}, {"chunk", nullptr},
                {"tokens_per_letter", nullptr}, {"load_seconds", nullptr}, {"memory_mb", nullptr}};
    const json said = status.is_object() ? status.value("learned", json::object()) : json::object();
    for (const char* key : {"positions", "prompt_limit", "chunk", "tokens_per_letter", "load_seconds"}) {
        if (const json* const value = core::member(said, key); value != nullptr && value->is_number()) {
            out[key] = *value;
        }
    }
    for (const json& instance : status.is_object() ? reported_instances(status) : std::vector<json>{}) {
        const json memory = instance.value("memory", json::object());
        if (memory.is_object() && reported_flag(memory, "measured")) {
            out["memory_mb"] = static_cast<std::uint64_t>(reported_amount(memory, "mb"));
        }
    }
    return out;
}

std::string learned_text(const json& object) {
    std::string out;
    const auto add = [&out](const std::string& text) { out += (out.empty() ? "" : ", ") + text; };
    if (const auto positions = reported_number(object, "positions")) {
        add(fmt::format("a context of {:.0f} tokens", *positions));
    }
    if (const auto limit = reported_number(object, "prompt_limit")) {
        add(fmt::format("prompts of at most {:.0f} tokens", *limit));
    }
    if (const auto chunk = reported_number(object, "chunk")) {
        add(fmt::format("reads {:.0f} tokens at a time", *chunk));
    }
    if (const auto letter = reported_number(object, "tokens_per_letter")) {
        add(fmt::format("{:.2f} tokens for a letter", *letter));
    }
    if (const auto load = reported_number(object, "load_seconds")) {
        add(*load < 1 ? "loads in less than 1 s" : "loads in about " + span_text(*load));
    }
    if (const auto memory = reported_number(object, "memory_mb")) {
        add(fmt::format("takes {:.0f} MB of its cards", *memory));
    }
    return out;
}

json placement_facts(const catalog::model_entry& model) {
    json out;
    out["cards"] = json::array();
    for (const catalog::card_set& card_set : model.card_sets) {
        out["cards"].push_back(catalog::card_set_text(card_set));
    }
    out["instances"] = model.instances;
    out["preload"] = model.preload;
    out["pinned"] = model.pinned;
    if (!model.keep_alive) {
        out["keep_alive"] = nullptr;
    } else if (*model.keep_alive < core::nanoseconds{0}) {
        out["keep_alive"] = "forever";
    } else {
        out["keep_alive"] =
            catalog::duration_text(std::chrono::duration_cast<core::milliseconds>(*model.keep_alive));
    }
    return out;
}

// --- text

std::string shown(const json& value) {
    if (value.is_string()) {
        return telemetry::printable(value.get<std::string>(), 2000);
    }
    if (value.is_null()) {
        return "learned";
    }
    return value.dump();
}

std::string listed(const json& values, const char* between) {
    std::string out;
    for (const json& value : values) {
        out += (out.empty() ? "" : between) + shown(value);
    }
    return out;
}

std::string pairs(const json& object) {
    std::string out;
    for (const auto& [key, value] : object.items()) {
        out += fmt::format("{}{} {}", out.empty() ? "" : ", ", key, shown(value));
    }
    return out;
}

class page {
public:
    explicit page(const text_style& style) : style_(style) {}
    void head(const std::string& text) { out_ += painted(text, colour::bold, style_) + "\n"; }
    void line(const std::string& key, const std::string& value, const char* before = "    ") {
        if (!value.empty()) {
            out_ += fmt::format("{}{} {}\n", before,
                                painted(fmt::format("{:<14}", key), colour::faint, style_), value);
        }
    }
    void raw(const std::string& text) { out_ += text; }
    [[nodiscard]] std::string take() { return std::move(out_); }

private:
    const text_style& style_;
    std::string out_;
};

void add_service(page& to, const json& service) {
    to.raw(fmt::format("    service {}\n", shown(service["name"])));
    if (service.contains("problem")) {
        to.line("problem", shown(service["problem"]), "      ");
        return;
    }
    std::string command;
    for (const json& word : service["command"]) {
        command += (command.empty() ? "" : " ") + package::shell_word(shown(word));
    }
    to.line("command", command, "      ");
    to.line("directory", shown(service["working_directory"]), "      ");
    to.line("port", service["port"].is_null() ? "chosen at each start (0 above)" : shown(service["port"]),
            "      ");
    for (const auto& [name, value] : service["environment"].items()) {
        to.line("environment", name + "=" + shown(value), "      ");
    }
}

}  // namespace

json model_facts(const catalog::model_entry& model, const json& status,
                 const std::shared_ptr<const engine::file_facts>& file) {
    json out;
    out["name"] = model.name;
    out["aliases"] = model.aliases;
    out["state"] = nullptr;
    out["reason"] = "";
    out["warning"] = "";
    if (status.is_object()) {
        for (const char* key : {"state", "reason", "warning"}) {
            out[key] = status.value(key, json(""));
        }
        for (const json& instance : reported_objects(status, "instances")) {
            out["instances"].push_back({{"name", reported_text(instance, "name")},
                                        {"state", reported_text(instance, "state")},
                                        {"reason", reported_text(instance, "reason")}});
        }
    }
    out["source"] = model.source.string();
    out["profile"] = model.runtime.name;
    out["package"] = model.package.string();
    out["size_bytes"] = model.size_bytes;
    out["digest"] = model.digest;
    out["family"] = model.family;
    out["capabilities"] = model.capabilities;
    add_file_facts(out, model, file);
    out["default_system"] = model.default_system;
    out["context"] = context_facts(model.context);
    out["learned"] = learned_facts(status);
    out["sampling"] = {{"temperature", model.sampling.temperature},
                       {"top_k", model.sampling.top_k},
                       {"top_p", model.sampling.top_p},
                       {"repeat_penalty", model.sampling.repeat_penalty}};
    out["stop"] = core::list_at(engine::shown_parameters(model, json::object()), "stop");
    json variables = json::object();
    for (const auto& [name, value] : model.variables) {
        variables[name] = config::names_secret(name) ? std::string(config::left_out) : value;
    }
    out["variables"] = std::move(variables);
    out["placement"] = placement_facts(model);
    out["services"] = json::array();
    for (const catalog::service_template& service : model.runtime.services) {
        out["services"].push_back(service_facts(model, service));
    }
    return out;
}

std::string model_page(const json& facts, const text_style& style) {
    page out(style);
    out.head("  Corral");
    out.line("name", shown(facts["name"]));
    out.line("state", facts["state"].is_null() ? "not known: no daemon answers"
                                               : state_text(shown(facts["state"]), style));
    out.line("reason", shown(facts["reason"]));
    out.line("warning", shown(facts["warning"]));
    for (const json& instance : reported_objects(facts, "instances")) {
        const std::string reason = shown(instance["reason"]);
        out.line("instance", shown(instance["name"]) + " " + state_text(shown(instance["state"]), style) +
                                 (reason.empty() ? "" : ": " + reason));
    }
    out.line("aliases", listed(facts["aliases"], ", "));
    out.line("from", shown(facts["source"]));
    out.line("profile", shown(facts["profile"]));
    out.line("package", fmt::format("{} ({})", shown(facts["package"]),
                                    size_text(facts["size_bytes"].get<std::uint64_t>())));
    out.line("family", shown(facts["family"]));
    out.line("context", pairs(facts["context"]));
    out.line("learned", learned_text(facts["learned"]));
    if (const json speed = facts.value("speed", json(nullptr)); speed.is_object()) {
        const std::string change = reported_text(speed, "change");
        out.line("speed", fmt::format("{:.1f} tokens/s on {}{}", reported_amount(speed, "tokens_per_second"),
                                      reported_text(speed, "day"), change.empty() ? "" : "; " + change));
    }
    out.line("sampling", pairs(facts["sampling"]));
    out.line("variables", pairs(facts["variables"]));
    json placement = facts["placement"];
    if (placement["keep_alive"].is_null()) {
        placement.erase("keep_alive");
    }
    placement["cards"] = listed(facts["placement"]["cards"], " or ");
    out.line("placement", pairs(placement));
    for (const json& service : facts["services"]) {
        add_service(out, service);
    }
    return out.take();
}

}  // namespace corral::cli
