#include "configuration_processes.hpp"

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

void check_dialect(catalog::section& from, const catalog::profile& runtime,
                   const configuration_reading& with) {
    const auto& known = with.from.dialects;
    if (!known.empty() && std::find(known.begin(), known.end(), runtime.dialect) == known.end()) {
        from.complain(from.place("profile"),
                      core::say("configuration.not-one-of/profile", runtime.name, runtime.dialect,
                                catalog::meant_instead(runtime.dialect, known)));
    }
}

// False when there is none to go on with; the reason is reported.
bool read_runtime(catalog::section& from, catalog::model_entry& to, configuration_reading& with) {
    std::string name;
    from.text("profile", name, true);
    if (name.empty()) {
        return false;
    }
    const auto file = find_profile_file(name, with.base, with.profiles);
    if (!file) {
        from.complain(from.place("profile"),
                      core::say("configuration.not-one-of/there-profile", name,
                                catalog::meant_instead(name, installed_profiles(with.profiles))));
        return false;
    }
    auto known = with.read_profiles.find(*file);
    if (known == with.read_profiles.end()) {
        auto reading = catalog::read_profile(*file);
        with.profile_errors.insert(with.profile_errors.end(), reading.errors.begin(), reading.errors.end());
        known = with.read_profiles.emplace(*file, std::move(reading.value)).first;
    }
    if (!known->second) {
        return false;
    }
    to.runtime = *known->second;
    check_dialect(from, to.runtime, with);
    return true;
}

// The profile's fallbacks below the model's own values. REQUIRES: the capabilities were read.
void read_variables(catalog::section& from, catalog::model_entry& to) {
    for (const auto& variable : to.runtime.variables) {
        if (variable.fallback) {
            to.variables[variable.name] = *variable.fallback;
        }
    }
    if (catalog::can(to, "embedding")) {
        for (const auto& [name, value] : to.runtime.traits.embedding.variables) {
            to.variables[name] = value;
        }
    }
    auto inner = from.table("variables");
    if (!inner) {
        return;
    }
    std::map<std::string, std::string> given;
    from.text_map("variables", given);
    for (auto& [name, value] : given) {
        if (const auto problem = catalog::variable_name_problem(name, to.runtime); !problem.empty()) {
            inner->complain(inner->place(name), problem);
        }
        to.variables[name] = std::move(value);
    }
}

void read_overrides(catalog::section& from, catalog::model_entry& to, const configuration_reading& with,
                    bool have_profile) {
    auto services = from.table("services");
    if (!services || !have_profile) {
        return;
    }
    catalog::service_reading how;
    how.overriding = true;
    how.base = with.base;
    how.known = catalog::built_in_placeholders(to.runtime);
    for (const auto& variable : to.runtime.variables) {
        how.known.push_back(variable.name);
    }
    for (const auto& [name, value] : to.variables) {
        how.known.push_back(name);
    }
    std::vector<std::string> names;
    for (const auto& service : to.runtime.services) {
        names.push_back(service.name);
    }
    for (auto& [name, inner] : services->named_tables()) {
        const auto service = std::find_if(to.runtime.services.begin(), to.runtime.services.end(),
                                          [&wanted = name](const auto& one) { return one.name == wanted; });
        if (service == to.runtime.services.end()) {
            inner.complain(inner.place(), core::say("configuration.not-one-of/service", to.runtime.name, name,
                                                    catalog::meant_instead(name, names)));
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
void check_variables(catalog::section& from, const catalog::model_entry& model) {
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
            from.complain(from.place("variables"),
                          core::say("configuration.variable/needs", called, each->name, each->about));
        }
    }
    if (missing.size() > most_explained) {
        from.complain(from.place("variables"), core::say("configuration.variable/variables", called, all));
    }
    auto inner = from.table("variables");
    for (const auto& [name, value] : model.variables) {
        const bool declared = std::find(names.begin(), names.end(), name) != names.end();
        if (inner && !declared && !anybody_mentions(model.runtime, name)) {
            inner->complain(inner->place(name), core::say("configuration.not-one-of/nothing", name,
                                                          catalog::meant_instead(name, names)));
        }
    }
    if (model.context.vocabulary == 0 && anybody_mentions(model.runtime, "vocabulary")) {
        from.complain(from.place("context"), core::say("configuration.variable/vocabulary", called));
    }
}

void read_context(catalog::section from, catalog::context_sizes& to) {
    constexpr std::int64_t most = 16 * 1024 * 1024;
    from.integer("positions", to.positions, 0, most);
    from.integer("prompt_limit", to.prompt_limit, 0, most);
    from.integer("chunk", to.chunk, 0, most);
    from.integer("vocabulary", to.vocabulary, 0, most);
    from.finish();
}

void read_sampling(catalog::section from, catalog::sampling_defaults& to) {
    from.number("temperature", to.temperature, 0.0, 10.0);
    from.integer("top_k", to.top_k, 0, 16 * 1024 * 1024);
    from.number("top_p", to.top_p, 0.0, 1.0);
    from.number("repeat_penalty", to.repeat_penalty, 0.0, 10.0);
    from.finish();
}

// By what the runtime is started with, where its profile knows.
void bound_context(catalog::section& from, catalog::model_entry& to) {
    const auto started_with = catalog::context_of(to);
    if (!started_with) {
        from.complain(from.place("variables"), started_with.error().message);
        return;
    }
    if (*started_with == 0) {
        return;
    }
    for (std::uint32_t* const said : {&to.context.positions, &to.context.prompt_limit}) {
        *said = *said == 0 ? *started_with : std::min(*said, *started_with);
    }
}

// Of the profile, but for what [models.device] says; the format of the outcome must exist.
void read_device(catalog::section& from, catalog::model_entry& to) {
    auto inner = from.table("device");
    if (inner) {
        catalog::read_device(*inner, to.runtime.device);
    }
    const std::string& format = to.runtime.device.format;
    if (format.empty() || device::find_report_format(format) != nullptr) {
        return;
    }
    std::vector<std::string> names{"none"};
    for (const auto& one : device::report_formats()) {
        names.emplace_back(one.name);
    }
    const auto where = inner && inner->has("format") ? inner->place("format") : from.place("profile");
    from.complain(
        where, core::say("configuration.not-one-of/device", format, catalog::meant_instead(format, names)));
}

void read_tuning(catalog::section& from, catalog::model_entry& to) {
    from.flag("tokenizer_tap", to.runtime.tokenizer_tap);
    from.duration("poll_interval", to.runtime.poll_interval, milliseconds{10}, seconds{10});
    if (auto inner = from.table("clocks")) {
        catalog::read_clocks(*inner, to.runtime.clocks);
    }
    if (auto inner = from.table("restart")) {
        catalog::read_restart(*inner, to.runtime.restart);
    }
    if (auto inner = from.table("limits")) {
        catalog::read_model_limits(*inner, to.runtime.limits);
    }
    read_device(from, to);
    from.flag("preflight", to.preflight);
    if (auto inner = from.table("context")) {
        read_context(*inner, to.context);
    }
    if (auto inner = from.table("sampling")) {
        read_sampling(*inner, to.sampling);
    }
}

void read_digest(catalog::section& from, catalog::model_entry& to, const std::string& listing) {
    auto digest = catalog::sha256_hex(to.name + "\n" + to.runtime.name + "\n" + listing);
    if (digest) {
        to.digest = std::move(*digest);
    } else {
        from.complain(from.place(), digest.error().message);
    }
}

// A package that is not there is no error of the file: a disk may be mounted later, and its services say what
// is missing.
void read_package(catalog::section& from, catalog::model_entry& to, configuration_reading& with) {
    std::string folder;
    from.text("package", folder, true);
    std::string listing;
    std::string script;
    if (!folder.empty()) {
        to.package = (with.base / folder).lexically_normal();
        if (auto found = catalog::survey_package(to.package)) {
            const std::uint64_t named = package::model_bytes(to);
            to.size_bytes = named > 0 ? named : found->size_bytes;
            to.device_bytes = package::device_bytes(to);
            to.modified = found->modified;
            listing = std::move(found->listing);
            script = std::move(found->no_think_script);
        } else {
            with.warnings.add(from.place("package"), found.error().message);
        }
    }
    to.package_forbids_thinking = !script.empty();
    from.flag("package_forbids_thinking", to.package_forbids_thinking);
    read_digest(from, to, listing);
}

}  // namespace

bool read_processes(catalog::section& from, catalog::model_entry& to, configuration_reading& with) {
    const bool have_profile = read_runtime(from, to, with);
    to.files_folder = with.files_folder;
    read_variables(from, to);
    read_overrides(from, to, with, have_profile);
    read_tuning(from, to);
    bound_context(from, to);
    // What runs elsewhere has its files there.
    if (!have_profile || !to.runtime.services.empty() || from.has("package")) {
        read_package(from, to, with);
    } else if (to.digest.empty()) {
        read_digest(from, to, {});
    }
    return have_profile;
}

void check_processes(catalog::section& from, const catalog::model_entry& model) {
    check_variables(from, model);
}

}  // namespace corral::config
