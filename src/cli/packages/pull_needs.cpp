#include "cli/packages/pull_needs.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <utility>

#include "cli/packages/import_plan.hpp"
#include "cli/trouble/doctor_examination.hpp"
#include "corral/catalog/profile_reader.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/package/package_tree.hpp"
#include "corral/package/script_needs.hpp"
#include "corral/process/program_check.hpp"
#include "corral/pull/catalogue.hpp"

namespace corral::cli {

namespace {

using needs = std::vector<std::string>;

// Of a repository for which no profile was named: what its files are for.
std::string profile_by_files(const pull::pull_plan& plan) {
    // Axera's own servers: with a script for the tokenizer the polling one.
    const std::array<std::pair<std::string_view, std::string_view>, 3> kinds{
        {{".axmodel", plan.scripts.empty() ? "axllm" : "axera-poll"},
         {".rkllm", "rkllm-flask"},
         {".gguf", "llama-server"}}};
    for (const auto& kind : kinds) {
        if (std::ranges::any_of(plan.files, [&](const pull::expected_file& file) {
                return file.path.ends_with(kind.first);
            })) {
            return std::string(kind.second);
        }
    }
    return {};
}

std::optional<catalog::profile> profile_of(const named_package& wanted, const pull::pull_plan& plan,
                                           const config::configuration_place& place) {
    const std::string name = wanted.source.profile.empty() ? profile_by_files(plan) : wanted.source.profile;
    const auto file = name.empty()
                          ? std::nullopt
                          : config::find_profile_file(name, place.file.parent_path(), profile_folders(place));
    return file ? catalog::read_profile(*file).value : std::nullopt;
}

bool brings(const pull::pull_plan& plan, const std::string& name) {
    return std::ranges::any_of(plan.files, [&](const pull::expected_file& file) {
        return file.path == name || file.path.ends_with("/" + name);
    });
}

void add_device(const named_package& wanted, const catalog::profile& runtime, const package::machine& here,
                needs& out) {
    constexpr std::array<std::string_view, 2> about_device{"driver", "device"};
    catalog::model_entry model;
    model.name = wanted.source.name;
    model.runtime = runtime;
    const bool on_card = wanted.kind && !pull::is_in_host(*wanted.kind);
    model.runtime.device.memory_mb = on_card ? static_cast<std::uint32_t>(wanted.memory_mb) : 0;
    const auto seen = gather_for_runtime(model);
    if (!seen) {
        return;  // the start of the model will tell
    }
    std::vector<catalog::finding> found;
    for (const doctor::check* const one : doctor::checks()) {
        if (std::ranges::find(about_device, one->id) != about_device.end()) {
            one->run(*seen, found);
        }
    }
    for (const catalog::finding& one : found) {
        // A board has no tool of a card; heat and health are no missing parts.
        const bool counts = one.level != catalog::severity::note && one.id != "device.hot" &&
                            one.id != "device.health" && !(here.is_board && one.id == "device.not-looked-at");
        if (counts) {
            out.push_back(one.what + (one.fix.empty() ? "" : "; " + one.fix));
        }
    }
}

void add_programs(const catalog::profile& runtime, const pull::pull_plan& plan, needs& out) {
    for (const catalog::variable_spec& one : runtime.variables) {
        const std::string program = one.fallback.value_or("");
        if (one.kind != catalog::variable_kind::program || program.empty() || brings(plan, program)) {
            continue;
        }
        process::spawn_spec what;
        what.command = {program};
        what.environment = process::clean_environment();
        if (const auto fault = process::check_program(what)) {
            out.push_back(fault->message + ", and the package does not bring it; " + fault->advice);
        }
    }
}

bool is_own_module(const pull::pull_plan& plan, const std::string& script, const std::string& name) {
    const std::string folder = script.substr(0, script.rfind('/') + 1);  // empty at the top
    return std::ranges::any_of(plan.files, [&](const pull::expected_file& file) {
        return file.path == folder + name + ".py" || file.path.starts_with(folder + name + "/") ||
               file.path == name + ".py" || file.path.starts_with(name + "/");
    });
}

void add_modules(const std::string& user, const std::string& python, const std::vector<std::string>& wanted,
                 const package::machine& here, needs& out) {
    const auto missing =
        wanted.empty() || !here.missing_modules ? std::nullopt : here.missing_modules(python, wanted);
    if (missing && !missing->empty()) {
        out.push_back(
            user + " imports " + core::joined(*missing) + ", which '" + python +
            "' does not have; 'corral import DIR --force --fix' installs them afterwards, or pip before it");
    }
}

void add_python(const named_package& wanted, const catalog::profile* runtime, const pull::pull_plan& plan,
                const package::machine& here, needs& out) {
    std::string python = "python3";
    std::map<std::string, std::string> more;
    bool runs_scripts = runtime == nullptr;
    for (const catalog::variable_spec& one :
         runtime == nullptr ? std::vector<catalog::variable_spec>() : runtime->variables) {
        if (one.name == "python") {
            python = one.fallback.value_or(python);
        }
        runs_scripts = runs_scripts || one.kind == catalog::variable_kind::python_script;
        more.insert(one.modules.begin(), one.modules.end());
    }
    add_modules("its runtime", python, wanted.python, here, out);
    if (!runs_scripts) {
        return;
    }
    for (const auto& script : plan.scripts) {
        std::vector<std::string> imported = package::modules_of_script(script.second, more);
        std::erase_if(imported,
                      [&](const std::string& name) { return is_own_module(plan, script.first, name); });
        add_modules("'" + script.first + "'", python, imported, here, out);
    }
}

void add_memory(const named_package& wanted, needs& out) {
    const pull::box here = pull::look_at_box(package::this_machine());
    const bool short_of =
        wanted.kind && pull::is_in_host(*wanted.kind) && here.free_mb && wanted.memory_mb > *here.free_mb;
    if (short_of) {
        out.push_back("the model needs " + std::to_string(wanted.memory_mb) + " MiB of memory, and " +
                      std::to_string(*here.free_mb) +
                      " MiB are free now; stop other programs before it is loaded");
    }
}

// No name of a model begins so; one may be that of a folder too.
bool is_a_place(const std::string& typed) {
    std::error_code unknown;
    return typed.starts_with('.') || typed.starts_with('/') || std::filesystem::exists(typed, unknown);
}

}  // namespace

pull::box look_at_this_box(const config::configuration_place& place) {
    pull::box out = pull::look_at_box(package::this_machine());
    for (const pull::box_kind kind : out.kinds) {
        if (!pull::is_in_host(kind) && !out.card_memory_mb) {
            out.card_memory_mb =
                largest_card_mb(kind == pull::box_kind::axcl ? "axcl-smi" : "npu-smi", place.file);
        }
    }
    return out;
}

std::vector<std::string> missing_parts(const named_package& wanted, const pull::pull_plan& plan,
                                       const config::configuration_place& place,
                                       const package::machine& here) {
    needs out;
    const auto runtime = profile_of(wanted, plan, place);
    if (runtime) {
        add_device(wanted, *runtime, here, out);
        add_programs(*runtime, plan, out);
    }
    add_python(wanted, runtime ? &*runtime : nullptr, plan, here, out);
    add_memory(wanted, out);
    return out;
}

core::result<named_package> find_package(const std::string& typed, const config::configuration_place& place) {
    auto source = pull::parse_source(typed);
    if (source) {
        return named_package{std::move(*source), {}, {}, 0, {}};
    }
    if (source.error().code != core::make_error_code(core::errc::not_found)) {
        return source.error();
    }
    named_package out;
    const auto read = pull::read_catalogue(pull::catalogue_folders(place.file.parent_path()));
    for (const catalog::diagnostic& wrong : read.problems) {
        out.remarks.push_back("a part of the catalogue is left out: " + catalog::to_text(wrong));
    }
    const pull::choice found = pull::choose(read.value, typed, look_at_this_box(place));
    if (found.package == nullptr && is_a_place(typed)) {
        return core::make_failure(core::errc::not_found,
                                  core::say("pull.name/here", typed, package::shell_word(typed)));
    }
    if (found.package == nullptr) {
        return core::make_failure(core::errc::not_found, found.reason);
    }
    out.source = found.package->source;
    out.kind = found.kind;
    out.memory_mb = found.package->memory_mb;
    out.python = found.package->python;
    if (!found.remark.empty()) {
        out.remarks.push_back(found.remark);
    }
    out.remarks.insert(out.remarks.end(), found.package->faults.begin(), found.package->faults.end());
    if (!found.package->verified) {
        out.remarks.emplace_back("this package has not been tried with Corral yet");
    }
    return out;
}

}  // namespace corral::cli
