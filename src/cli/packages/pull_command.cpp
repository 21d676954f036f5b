// corral pull NAME

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <memory>

#include <sys/stat.h>
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/base/command.hpp"
#include "cli/base/command_source.hpp"
#include "cli/packages/import_command.hpp"
#include "cli/packages/pull_needs.hpp"
#include "cli/packages/pull_report.hpp"
#include "cli/packages/pull_trial.hpp"
#include "cli/packages/serving_user.hpp"
#include "corral/catalog/model_name.hpp"
#include "corral/catalog/toml_section.hpp"
#include "corral/config/manifest_file.hpp"
#include "corral/core/files.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/package/package_check.hpp"
#include "corral/package/package_tree.hpp"
#include "corral/pull/pull_package.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

using json = nlohmann::ordered_json;

struct pull_options {
    std::string name;
    daemon_place daemon;
    std::optional<std::string> model;
    std::optional<std::string> profile;
    std::vector<std::string> include;
    std::string stick;
    std::string rate;
    std::string patience;
    bool dry_run = false;
    bool json = false;
    bool no_import = false;
};

std::atomic<bool> stopped{false};

void on_signal(int) {
    stopped = true;
}

// So that what has come is written before the end.
void listen_to_signals() {
    struct sigaction how {};
    how.sa_handler = on_signal;
    for (const int one : {SIGINT, SIGTERM, SIGHUP}) {
        (void)::sigaction(one, &how, nullptr);
    }
}

int fail_pull(const pull_options& options, const core::reason& why) {
    constexpr std::size_t longest = 2000;
    const std::string text = telemetry::printable(why, longest);
    if (!options.json) {
        return fail(text);
    }
    json out{{"ok", false}, {"error", text}};
    if (!why.id().empty()) {
        out["id"] = why.id();
    }
    std::cout << out.dump(-1, ' ', false, json::error_handler_t::replace) << '\n' << std::flush;
    return failed;
}

// A stick has nothing to do with [pull].
core::reason why_not_pulled(const pull_options& options, const pull::pull_request& request,
                            const core::failure& failure) {
    const bool stick = !options.stick.empty() && failure.message.name() == "pull.disk/see-who";
    return stick ? core::say("pull.disk/stick", request.settings.directory.string(), failure.code.message())
                 : failure.message;
}

core::result<std::string> token_of(const config::pull_settings& settings) {
    if (settings.token_file.empty()) {
        const char* const said = ::secure_getenv("HF_TOKEN");
        return std::string(said == nullptr ? "" : core::trimmed(said));
    }
    const auto file = core::read_private_file(settings.token_file);
    if (!file) {
        return core::make_failure(core::errc::invalid, core::say("pull.token/hub-token", file.error()));
    }
    const std::string_view token = core::trimmed(file->text);
    for (const char each : token) {
        if (each <= 0x20 || each > 0x7e) {
            return core::make_failure(core::errc::invalid, core::say("pull.token/file-hub"));
        }
    }
    return std::string(token);
}

// As OpenSSL's own programs have it.
std::string certificates_of_environment() {
    const char* const said = ::secure_getenv("SSL_CERT_FILE");
    return said == nullptr ? std::string() : said;
}

core::result<pull::pull_request> request_of(const pull_options& options,
                                            const config::pull_settings& settings,
                                            pull::package_source source) {
    pull::pull_request out;
    out.source = std::move(source);
    out.settings = settings;
    out.name = options.name;
    out.certificates = certificates_of_environment();
    auto token = token_of(settings);
    if (!token) {
        return token.error();
    }
    out.token = std::move(*token);
    if (!options.include.empty()) {
        out.source.include = options.include;
        out.source.files.clear();
    }
    if (!options.stick.empty()) {
        std::error_code error;
        out.settings.directory = std::filesystem::absolute(options.stick, error).lexically_normal();
        out.settings.quota = 0;
        out.with_marker = false;
    }
    if (const auto span = catalog::parse_duration(options.patience)) {
        out.patience = std::chrono::ceil<core::seconds>(*span);
    }
    return out;
}

// A stick is for another box.
std::vector<std::string> needs_of(const pull_options& options, named_package wanted,
                                  const pull::pull_plan& plan, const config::configuration_place& place) {
    if (options.profile) {
        wanted.source.profile = *options.profile;
    }
    return options.stick.empty() ? missing_parts(wanted, plan, place, package::this_machine())
                                 : std::vector<std::string>();
}

void tell_needs(const std::vector<std::string>& needs) {
    constexpr std::size_t longest = 1000;
    for (const std::string& one : needs) {
        std::cerr << "missing on this box: " << telemetry::printable(one, longest) << '\n';
    }
}

std::string time_at(std::uint64_t bytes, const std::string& rate) {
    const auto value = config::parse_bytes(rate);
    if (!value) {
        return {};  // none was given
    }
    return ", " + catalog::duration_text(core::seconds(static_cast<core::seconds::rep>(bytes / *value + 1))) +
           " at " + pull::bytes_text(*value) + "/s";
}

int print_plan(const pull_options& options, const pull::pull_request& request, const named_package& wanted,
               const config::configuration_place& place) {
    const auto plan = pull::plan_pull(request, stopped);
    if (!plan) {
        return fail_pull(options, plan.error().message);
    }
    const std::vector<std::string> needs = needs_of(options, wanted, *plan, place);
    if (options.json) {
        json files = json::array();
        for (const pull::expected_file& file : plan->files) {
            files.push_back({{"path", file.path}, {"size", file.size.value_or(0)}, {"sha256", file.sha256}});
        }
        const json out{{"source", pull::source_text(request.source)},
                       {"commit", plan->commit},
                       {"folder", plan->folder.string()},
                       {"total", plan->total},
                       {"missing", plan->missing},
                       {"room", plan->room_problem},
                       {"needs", needs},
                       {"files", std::move(files)}};
        std::cout << out.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
    } else {
        for (const pull::expected_file& file : plan->files) {
            std::cout << (file.size ? pull::bytes_text(*file.size) : "?") << '\t'
                      << telemetry::printable(file.path, 400) << '\n';
        }
        std::cout << plan->files.size() << " files of " << pull::source_text(request.source)
                  << (plan->commit.empty() ? "" : " at " + plan->commit.substr(0, 12)) << ", "
                  << pull::bytes_text(plan->total) << ", would come to " << plan->folder.string() << "; "
                  << pull::bytes_text(plan->missing) << " are still to come"
                  << time_at(plan->missing, options.rate) << '\n';
        tell_needs(needs);
    }
    if (!plan->room_problem.empty() && !options.json) {
        return fail(plan->room_problem);
    }
    return plan->room_problem.empty() ? succeeded : failed;
}

// The model that is served from that folder already; `wanted`, where it is given, and no other. nullptr: there is none.
const catalog::model_entry* served_from(const config::configuration& all, const std::filesystem::path& folder,
                                        const std::optional<std::string>& wanted) {
    for (const catalog::model_entry& one : all.models) {
        std::error_code gone;  // a package that is not there is no other's
        const bool same = one.package == folder || std::filesystem::equivalent(one.package, folder, gone);
        if (same && (!wanted || catalog::same_model(one.name, *wanted))) {
            return &one;
        }
    }
    return nullptr;
}

// An import of git-LFS pointers has the manifest of that model.
bool takes_place_of_pointers(const config::configuration& all, const std::string& model) {
    const auto name = catalog::display_name(model);
    return name && std::ranges::any_of(all.models, [&](const catalog::model_entry& one) {
               return one.source.filename() == config::manifest_file_name(*name) &&
                      std::ranges::any_of(package::examine_package(one, package::this_machine()).findings,
                                          [](const auto& found) { return found.id == "file.lfs-pointer"; });
           });
}

struct pull_work {
    const pull_options& asked;
    const pull::pull_request& request;
    const config::configuration& all;
    const std::map<std::string, std::string>& environment;
    pull_report& report;
};

int import_pulled(const pull_work& work, const pull::pulled& got, const catalog::model_entry* served) {
    const pull_options& asked = work.asked;
    const pull::package_source& source = work.request.source;
    import_options with;
    with.daemon = asked.daemon;
    with.folder = got.folder.string();
    with.taken_later = served != nullptr;  // by the trial of update()
    with.request.repair = true;            // a hub keeps no execute bits
    with.request.name = asked.model;
    if (!with.request.name && !source.name.empty()) {
        with.request.name = source.name;
    }
    if (served != nullptr) {
        with.request.name = served->name;
    }
    with.request.replace =
        served != nullptr || (with.request.name && takes_place_of_pointers(work.all, *with.request.name));
    with.request.profile = asked.profile;
    if (!with.request.profile && !source.profile.empty()) {
        with.request.profile = source.profile;
    }
    if (!asked.json) {
        return run_import(with, work.environment);
    }
    import_result result;
    const int status = run_import(with, work.environment, &result);
    if (status == imported) {
        return succeeded;
    }
    std::string why = result.problem;
    for (const catalog::finding& one : result.findings) {
        if (why.empty() && one.level == catalog::severity::error) {
            why = one.what + (one.fix.empty() ? "" : "; " + one.fix);
        }
    }
    if (status == imported_broken && why.empty() && !result.refused.empty()) {
        return fail_pull(asked, core::say("pull.words/not-taken", got.folder, result.refused));
    }
    const std::string said = why.empty() ? std::string("'corral import' says why") : why;
    return fail_pull(asked, status == imported_broken ? core::say("pull.words/cant-start", got.folder, said)
                                                      : core::say("pull.words/no-model", got.folder, said));
}

int fail_back(const pull_work& of, const pull::pulled& got, const revision_trial& trial,
              const std::string& model, const core::failure& why) {
    auto back = got.go_back();
    if (back) {
        back = trial.restore();
    }
    if (!back) {
        return fail_pull(of.asked,
                         core::say("pull.went-back/not-back", model, why.message, back.error().message));
    }
    return fail_pull(of.asked, why.code == core::make_error_code(core::errc::cancelled)
                                   ? core::say("pull.went-back/stopped", model)
                                   : core::say("pull.went-back/before", model, why.message));
}

// The revision that was there stays until the model has been loaded with the new one.
int update(const pull_work& of, const pull::pulled& got, const catalog::model_entry& served) {
    const revision_trial trial(served.name, served.source, of.asked.daemon, of.environment);
    const int status = import_pulled(of, got, &served);
    if (!got.go_back) {
        return status;
    }
    core::result<bool> tried =
        core::make_failure(core::errc::unavailable, core::say("pull.went-back/no-import"));
    if (status == imported) {
        if (!of.asked.json) {
            std::cout << "loading " << served.name << " with the new files\n" << std::flush;
        }
        int looks = 0;
        tried = trial.run(stopped, [&] {
            constexpr int between_signs = 20;
            if (looks++ % between_signs == 0) {
                of.report.status("loading the new revision");
            }
        });
    }
    if (!tried) {
        return fail_back(of, got, trial, served.name, tried.error());
    }
    if (!of.asked.json) {
        std::cout << "updated: " << served.name
                  << (*tried ? " answers with the new files\n"
                             : "; the new files are loaded at its next start\n");
    }
    return status;
}

int finish(const pull_work& of, const pull::pulled& got) {
    const pull_options& asked = of.asked;
    if (!asked.json) {
        std::cout << (got.was_there ? "up to date (already there, whole): " : "pulled: ")
                  << got.folder.string() << ", " << pull::bytes_text(got.bytes) << '\n';
        if (!got.kept.empty()) {
            std::cout << "what else lay in that folder is now in " << got.kept.string() << '\n';
        }
    }
    const catalog::model_entry* const served = served_from(of.all, got.folder, asked.model);
    int status = succeeded;
    if (!asked.stick.empty()) {
        if (!asked.json) {
            std::cout << "on the other machine: corral import " << got.folder.filename().string() << '\n';
        }
    } else if (!asked.no_import && served == nullptr) {
        status = import_pulled(of, got, served);
    } else if (!asked.no_import && !got.was_there) {
        status = update(of, got, *served);
    } else if (!asked.json && served != nullptr) {
        std::cout << "served as " << served->name << '\n';
    }
    if (status == succeeded) {
        of.report.status("success");
    }
    return status;
}

int run_pull(const pull_options& options, const std::map<std::string, std::string>& environment) {
    listen_to_signals();
    (void)::umask(022);  // the service is another user
    const config::configuration_place place = config::find_configuration(options.daemon.config, environment);
    const auto read = config::load_configuration(source_of(options.daemon.config, environment));
    const auto& all = read.value ? read.value : read.draft;
    if (!all) {
        tell(read);
        return fail_pull(options, core::say("pull.words/configuration"));
    }
    auto found = find_package(options.name, place);
    if (!found) {
        return fail_pull(options, found.error().message);
    }
    auto request = request_of(options, all->pull, found->source);
    if (!request) {
        return fail_pull(options, request.error().message);
    }
    if (!options.json) {
        for (const std::string& remark : found->remarks) {
            std::cerr << "note: " << telemetry::printable(remark, 1000) << '\n';
        }
    }
    if (options.dry_run) {
        return print_plan(options, *request, *found, place);
    }
    const auto owner_of = [&](const std::filesystem::path& folder) {
        return serving_owner(folder, options.daemon, place, environment);
    };
    if (const auto owner = options.stick.empty() ? owner_of(all->pull.directory) : std::nullopt) {
        const bool may_import = options.no_import || owner_of(all->models_directory);
        if (!may_import || !become(*owner)) {
            return fail_pull(options, core::say("pull.disk/not-root", all->pull.directory.string(),
                                                owner->name, all->models_directory.string(), owner->name));
        }
    }
    request->planned = [&](const pull::pull_plan& plan) {
        if (!options.json && plan.missing > 0 && plan.room_problem.empty()) {
            tell_needs(needs_of(options, *found, plan, place));
        }
    };
    pull_report report(options.json, style_of(STDOUT_FILENO, environment));
    const auto got = pull::pull_package(
        *request,
        [&](const pull::pull_progress& progress) { report.tell(progress, std::chrono::steady_clock::now()); },
        stopped);
    report.clear();
    if (!got) {
        return fail_pull(options, why_not_pulled(options, *request, got.error()));
    }
    return finish({options, *request, *all, environment, report}, *got);
}

}  // namespace

void add_pull_command(CLI::App& program, command_context& context) {
    auto asked = std::make_shared<pull_options>();
    CLI::App* one = program.add_subcommand("pull", "Download a package, verify it and import it as a model");
    one->add_option("package", asked->name,
                    "A catalogue name, hf.co/OWNER/REPO[:REVISION], https://HOST/FOLDER/ or file:///FOLDER")
        ->type_name("NAME")
        ->required();
    CLI::Option* const plan = one->add_flag("--dry-run", asked->dry_run,
                                            "Show what would be downloaded and its size; download nothing");
    // Without --dry-run it would be taken for a limit.
    one->add_option("--rate", asked->rate,
                    "With --dry-run: estimate the time at this rate per second, e.g. 10MB")
        ->type_name("SIZE")
        ->needs(plan)
        ->check([](const std::string& text) {
            return config::parse_bytes(text).value_or(0) > 0 ? std::string()
                                                             : core::say("pull.words/rate", text).text();
        });
    one->add_option(
           "--to-stick", asked->stick,
           "Download into a folder below DIR, with a checksum list, for 'corral import' on another machine")
        ->type_name("DIR");
    one->add_flag("--no-import", asked->no_import, "Download only; don't import");
    one->add_option("--name", asked->model,
                    "NAME or NAME:TAG for the model; default: from the catalogue or the package")
        ->type_name("NAME");
    one->add_option("--profile", asked->profile, "Runtime profile; default: by the kind of package")
        ->type_name("PROFILE");
    one->add_option("--include", asked->include, "Download only matching files, e.g. '*.gguf'; repeatable")
        ->type_name("PATTERN")
        ->allow_extra_args(false);
    one->add_option("--patience", asked->patience, "How long to wait for a stalled source; default: 60s")
        ->type_name("TIME")
        ->check([](const std::string& text) {
            const core::milliseconds span = catalog::parse_duration(text).value_or(core::milliseconds{0});
            const bool good = span >= core::seconds{1} && span <= std::chrono::hours{1};
            return good ? std::string() : core::say("pull.words/time-wait", text).text();
        });
    one->add_flag("--json", asked->json, "Print progress as Ollama's API does, one JSON object per line");
    add_daemon_options(*one, asked->daemon);
    one->footer(
        "An interrupted pull keeps what it has downloaded; run the same command again to resume. Exit "
        "status: 0 the package is complete and, unless --no-import, imported; 1 the pull failed; otherwise "
        "the exit status of import.");
    one->parse_complete_callback([asked, &context] {
        context.run = [asked, &context] { return run_pull(*asked, context.environment); };
    });
}

}  // namespace corral::cli
