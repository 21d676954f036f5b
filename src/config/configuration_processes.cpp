#include "configuration_parts.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "corral/catalog/package_survey.hpp"
#include "corral/catalog/placeholders.hpp"
#include "corral/catalog/profile_reader.hpp"
#include "corral/catalog/trait_numbers.hpp"
#include "corral/config/configuration_place.hpp"
#include "corral/core/say.hpp"
#include "corral/device/report.hpp"
#include "corral/package/package_check.hpp"

namespace corral::config {

namespace {

namespace fs = std::filesystem;
using core::milliseconds;
using core::seconds;

void check_dialect(catalog::section& table, const catalog::profile& runtime,
                   const configuration_reading& context) {
    const auto& known = context.from.dialects;
    if (!known.empty() && std::find(known.begin(), known.end(), runtime.dialect) == known.end()) {
        table.complain(table.place("profile"),
                       core::say("configuration.not-one-of/profile", runtime.name, runtime.dialect,
                                 catalog::meant_instead(runtime.dialect, known)));
    }
}

// False when there is none to go on with; the reason is reported.
bool read_runtime(catalog::section& table, catalog::model_entry& entry, configuration_reading& context) {
    std::string name;
    table.text("profile", name, true);
    if (name.empty()) {
        return false;
    }
    const auto file = find_profile_file(name, context.base, context.profiles);
    if (!file) {
        table.complain(table.place("profile"),
                       core::say("configuration.not-one-of/there-profile", name,
                                 catalog::meant_instead(name, installed_profiles(context.profiles))));
        return false;
    }
    auto known = context.read_profiles.find(*file);
    if (known == context.read_profiles.end()) {
        auto reading = catalog::read_profile(*file);
        context.profile_errors.insert(context.profile_errors.end(), reading.errors.begin(),
                                      reading.errors.end());
        known = context.read_profiles.emplace(*file, std::move(reading.value)).first;
    }
    if (!known->second) {
        return false;
    }
    entry.runtime = *known->second;
    check_dialect(table, entry.runtime, context);
    return true;
}

// The profile's fallbacks below the model's own values. REQUIRES: the capabilities were read.
void read_variables(catalog::section& table, catalog::model_entry& entry, const std::string& file) {
    for (const auto& variable : entry.runtime.variables) {
        if (variable.fallback) {
            entry.variables[variable.name] = *variable.fallback;
        }
    }
    if (catalog::can(entry, "embedding")) {
        for (const auto& [name, value] : entry.runtime.traits.embedding.variables) {
            entry.variables[name] = value;
        }
    }
    auto inner = table.table("variables");
    if (!inner) {
        return;
    }
    std::map<std::string, std::string> given;
    table.text_map("variables", given);
    for (auto& [name, value] : given) {
        if (const auto problem = catalog::variable_name_problem(name, entry.runtime); !problem.empty()) {
            inner->complain(inner->place(name), problem);
        }
        entry.said_at[name] = file + ":" + std::to_string(inner->place(name).begin.line);
        entry.variables[name] = std::move(value);
    }
}

void read_overrides(catalog::section& table, catalog::model_entry& entry,
                    const configuration_reading& context, bool have_profile) {
    auto services = table.table("services");
    if (!services || !have_profile) {
        return;
    }
    catalog::service_reading how;
    how.overriding = true;
    how.base = context.base;
    how.known = catalog::built_in_placeholders(entry.runtime);
    for (const auto& variable : entry.runtime.variables) {
        how.known.push_back(variable.name);
    }
    for (const auto& [name, value] : entry.variables) {
        how.known.push_back(name);
    }
    std::vector<std::string> names;
    for (const auto& service : entry.runtime.services) {
        names.push_back(service.name);
    }
    for (auto& [name, inner] : services->named_tables()) {
        const auto service = std::find_if(entry.runtime.services.begin(), entry.runtime.services.end(),
                                          [&wanted = name](const auto& one) { return one.name == wanted; });
        if (service == entry.runtime.services.end()) {
            inner.complain(inner.place(), core::say("configuration.not-one-of/service", entry.runtime.name,
                                                    name, catalog::meant_instead(name, names)));
        } else {
            catalog::read_service(inner, *service, how);
        }
    }
}

bool anybody_mentions(const catalog::profile& runtime, std::string_view name) {
    return std::any_of(runtime.services.begin(), runtime.services.end(),
                       [&](const auto& service) { return catalog::mentions(service, name); });
}

// After the overrides: what the commands really need is there, and nothing is given that none takes.
void check_variables(catalog::section& table, const catalog::model_entry& model) {
    constexpr std::size_t most_explained = 2;  // so many missing ones; of more a package was not read at all
    const std::string called = model.name.empty() ? std::string("the model") : "model '" + model.name + "'";
    std::vector<std::string> names;
    std::vector<const catalog::variable_spec*> missing;
    for (const auto& variable : model.runtime.variables) {
        names.push_back(variable.name);
        const bool used = model.runtime.services.empty() || anybody_mentions(model.runtime, variable.name);
        if (!model.variables.contains(variable.name) && used) {
            missing.push_back(&variable);
        }
    }
    std::string all;
    for (const catalog::variable_spec* const each : missing) {
        all += (all.empty() ? "'" : ", '") + each->name + "'";
        if (missing.size() <= most_explained) {
            table.complain(table.place("variables"),
                           core::say("configuration.variable/needs", called, each->name, each->about));
        }
    }
    if (missing.size() > most_explained) {
        table.complain(table.place("variables"), core::say("configuration.variable/variables", called, all));
    }
    auto inner = table.table("variables");
    for (const auto& [name, value] : model.variables) {
        const bool declared = std::find(names.begin(), names.end(), name) != names.end();
        if (inner && !declared && !anybody_mentions(model.runtime, name)) {
            inner->complain(inner->place(name), core::say("configuration.not-one-of/nothing", name,
                                                          catalog::meant_instead(name, names)));
        }
    }
    if (model.context.vocabulary == 0 && anybody_mentions(model.runtime, "vocabulary")) {
        table.complain(table.place("context"), core::say("configuration.variable/vocabulary", called));
    }
}

void read_context(catalog::section table, catalog::context_sizes& to) {
    constexpr std::int64_t most = 16 * 1024 * 1024;
    table.integer("positions", to.positions, 0, most);
    table.integer("prompt_limit", to.prompt_limit, 0, most);
    table.integer("chunk", to.chunk, 0, most);
    table.integer("vocabulary", to.vocabulary, 0, most);
    table.finish();
}

void read_sampling(catalog::section table, catalog::sampling_defaults& to) {
    table.number("temperature", to.temperature, 0.0, 10.0);
    table.integer("top_k", to.top_k, 0, 16 * 1024 * 1024);
    table.number("top_p", to.top_p, 0.0, 1.0);
    table.number("repeat_penalty", to.repeat_penalty, 0.0, 10.0);
    table.finish();
}

// By what the runtime is started with, where its profile knows.
void bound_context(catalog::section& table, catalog::model_entry& entry) {
    if (const auto at_once = catalog::capacity_of(entry); !at_once) {
        table.complain(table.place("variables"), at_once.error().message);
        return;
    }
    const auto started_with = catalog::context_of(entry);
    if (!started_with) {
        table.complain(table.place("variables"), started_with.error().message);
        return;
    }
    if (*started_with == 0) {
        return;
    }
    for (std::uint32_t* const said : {&entry.context.positions, &entry.context.prompt_limit}) {
        *said = *said == 0 ? *started_with : std::min(*said, *started_with);
    }
}

// What its backend would refuse: without this word a model, or a tier of one, would be left out at the start.
void judge_address(catalog::section& table, const catalog::model_entry& entry) {
    const auto url = entry.variables.find("url");
    if (entry.runtime.dialect != "ollama-remote" || url == entry.variables.end()) {
        return;
    }
    if (const auto at = catalog::remote_url_of(url->second); !at) {
        table.complain(table.place("variables"), at.error().message);
    }
}

// Of the profile, but for what [models.device] says; the format of the outcome must exist.
void read_device(catalog::section& table, catalog::model_entry& entry) {
    auto inner = table.table("device");
    if (inner) {
        catalog::read_device(*inner, entry.runtime.device);
    }
    const std::string& format = entry.runtime.device.format;
    if (format.empty() || device::find_report_format(format) != nullptr) {
        return;
    }
    std::vector<std::string> names{"none"};
    for (const auto& one : device::report_formats()) {
        names.emplace_back(one.name);
    }
    const auto where = inner && inner->has("format") ? inner->place("format") : table.place("profile");
    table.complain(
        where, core::say("configuration.not-one-of/device", format, catalog::meant_instead(format, names)));
}

void read_tuning(catalog::section& table, catalog::model_entry& entry) {
    table.flag("tokenizer_tap", entry.runtime.tokenizer_tap);
    table.duration("poll_interval", entry.runtime.poll_interval, milliseconds{10}, seconds{10});
    if (auto inner = table.table("clocks")) {
        catalog::read_clocks(*inner, entry.runtime.clocks);
    }
    if (auto inner = table.table("restart")) {
        catalog::read_restart(*inner, entry.runtime.restart);
    }
    if (auto inner = table.table("limits")) {
        catalog::read_model_limits(*inner, entry.runtime.limits);
    }
    read_device(table, entry);
    table.flag("preflight", entry.preflight);
    if (auto inner = table.table("context")) {
        read_context(*inner, entry.context);
    }
    if (auto inner = table.table("sampling")) {
        read_sampling(*inner, entry.sampling);
    }
}

void read_digest(catalog::section& table, catalog::model_entry& entry, const std::string& listing) {
    auto digest = catalog::sha256_hex(entry.name + "\n" + entry.runtime.name + "\n" + listing);
    if (digest) {
        entry.digest = std::move(*digest);
    } else {
        table.complain(table.place(), digest.error().message);
    }
}

// A package that is not there is no error of the file: a disk may be mounted later, and its services say what
// is missing.
void read_package(catalog::section& table, catalog::model_entry& entry, configuration_reading& context) {
    std::string folder;
    table.text("package", folder, true);
    std::string listing;
    std::string script;
    if (!folder.empty()) {
        entry.package = (context.base / folder).lexically_normal();
        if (auto found = catalog::survey_package(entry.package)) {
            const std::uint64_t named = package::model_bytes(entry);
            entry.size_bytes = named > 0 ? named : found->size_bytes;
            entry.device_bytes = package::device_bytes(entry);
            entry.modified = found->modified;
            listing = std::move(found->listing);
            script = std::move(found->no_think_script);
        } else {
            context.warnings.add(table.place("package"), found.error().message);
        }
    }
    entry.package_forbids_thinking = !script.empty();
    table.flag("package_forbids_thinking", entry.package_forbids_thinking);
    read_digest(table, entry, listing);
}

}  // namespace

bool read_processes(catalog::section& table, catalog::model_entry& entry, configuration_reading& context) {
    const bool have_profile = read_runtime(table, entry, context);
    entry.files_folder = context.files_folder;
    read_variables(table, entry, context.errors.file());
    read_overrides(table, entry, context, have_profile);
    read_tuning(table, entry);
    bound_context(table, entry);
    judge_address(table, entry);
    // What runs elsewhere has its files there.
    if (!have_profile || !entry.runtime.services.empty() || table.has("package")) {
        read_package(table, entry, context);
    } else if (entry.digest.empty()) {
        read_digest(table, entry, {});
    }
    return have_profile;
}

void check_processes(catalog::section& table, const catalog::model_entry& model) {
    check_variables(table, model);
}

}  // namespace corral::config
