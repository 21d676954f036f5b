// corral import DIR

#include "cli/packages/import_command.hpp"

#include <iostream>
#include <limits>
#include <memory>

#include <unistd.h>
#include <CLI/CLI.hpp>

#include "cli/base/command.hpp"
#include "cli/base/command_source.hpp"
#include "cli/base/daemon_place.hpp"
#include "cli/base/remote_server.hpp"
#include "cli/base/reported_fields.hpp"
#include "cli/base/terminal.hpp"
#include "cli/packages/import_plan.hpp"
#include "cli/packages/import_report.hpp"
#include "cli/packages/import_trust.hpp"
#include "cli/packages/serving_user.hpp"
#include "cli/trouble/doctor_examination.hpp"
#include "corral/catalog/toml_section.hpp"
#include "corral/config/configuration_place.hpp"
#include "corral/config/manifest_file.hpp"
#include "corral/control/admin_client.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/package/package_tree.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

// What became of it.
struct import_outcome {
    bool written = false;
    std::string problem;  // why it was not
    bool reloaded = false;
    std::string refused;            // why the running Corral did not take it
    std::vector<std::string> next;  // for people: what to do now
};

constexpr const char* other_place = "name another configuration by --config FILE";

std::string line(const std::string& text) {
    return telemetry::printable(text, 2000);
}

std::string serve_command(const config::configuration_place& place) {
    return place.named ? "corral serve --config " + package::shell_word(place.file.string())
                       : std::string("corral serve");
}

// A running Corral takes the model at once; one that can't start it yet is left as it is.
void ask_to_reload(const import_options& options, const config::configuration_place& place,
                   const std::map<std::string, std::string>& environment, bool reload, import_outcome& to) {
    constexpr core::seconds longest{30};
    const auto places = sockets_of(options.daemon, environment);
    const auto status = control::ask_daemon(places, {}, longest);
    const bool ours = status && is_about(*status, place.file);
    if (!reload) {
        to.next.emplace_back(ours ? "corral reload" : serve_command(place));
        return;
    }
    const auto answer = control::ask_daemon(ours ? places : std::vector<std::filesystem::path>{},
                                            question_of("reload", {}), longest);
    if (!answer) {
        to.next.push_back(serve_command(place));
        return;
    }
    to.reloaded = answer->value("ok", control::admin_json(false)) == true;
    if (!to.reloaded) {
        const std::string why = line(reported_text(*answer, "error"));
        to.refused = why.empty() ? std::string("it refused to reload") : why;
    }
    to.next.emplace_back(to.reloaded ? "corral status"
                                     : "corral reload   # it refused just now; it says why");
}

// Beside the manifest, and there before it; none is left over of an import before.
bool write_seal(const import_plan& plan, const package_trust& trust, import_outcome& to) {
    const std::filesystem::path file = package::seal_of(plan.file);
    if (trust.seal) {
        const auto done = config::write_manifest(file, package::text_of(*trust.seal), true, other_place);
        to.problem = done ? std::string() : line(done.error().message);
        return done.has_value();
    }
    std::error_code stays;
    std::filesystem::remove(file, stays);
    to.problem = stays ? "can't remove " + line(file.string()) + ": " + stays.message() : std::string();
    return !stays;
}

void write(const import_options& options, const import_plan& plan, const package_trust& trust,
           const config::configuration_place& place, const std::map<std::string, std::string>& environment,
           import_outcome& to) {
    if (!write_seal(plan, trust, to)) {
        return;
    }
    const auto done = config::write_manifest(plan.file, plan.text, options.request.replace, other_place);
    if (!done) {
        to.problem = line(done.error().message);
        return;
    }
    to.written = true;
    if (options.machine.empty() && options.root.empty()) {
        ask_to_reload(options, place, environment, plan.startable, to);
    }
}

bool may_write(const std::filesystem::path& where) {
    std::filesystem::path place = where;
    while (!place.empty() && ::access(place.c_str(), F_OK) != 0 && place.has_relative_path()) {
        place = place.parent_path();  // what is not there is made in the folder above
    }
    return ::access(place.empty() ? "." : place.c_str(), W_OK) == 0;
}

// How the package stands, before a word about the manifest.
void print_report(std::ostream& to, const import_options& options, const import_plan& plan,
                  const text_style& style) {
    if (!plan.kind.empty()) {
        to << line(options.folder) << " is " << plan.kind << '\n';
    }
    to << wrapped(group_lines(plan.groups, options.daemon.verbose), style);
    to << wrapped(finding_lines(plan, options.daemon.verbose, style), style);
    for (const std::string& one : plan.repaired) {
        to << painted("fixed:", colour::green, style) << " " << line(one) << '\n';
    }
}

void print_commands(std::ostream& to, std::vector<std::string> commands) {
    if (commands.empty()) {
        return;
    }
    to << (commands.size() == 1 ? "\nRun this:\n" : "\nRun these:\n");
    for (const std::string& command : commands) {
        // Whole: what is cut off would be missing where it is pasted.
        to << "  " << telemetry::printable(command, std::numeric_limits<std::size_t>::max()) << '\n';
    }
}

// What says for which system it is.
std::string options_again(const import_options& options) {
    return (options.machine.empty() ? "" : "--machine " + options.machine + " ") +
           (options.root.empty() ? "" : "--root " + package::shell_word(options.root) + " ");
}

void print_outcome(const import_options& options, const import_plan& plan, const import_outcome& what,
                   const text_style& style) {
    if (!what.problem.empty()) {
        (void)fail(what.problem);
    }
    std::vector<std::string> commands = commands_of(plan, may_write);
    // No command fixes it, so what is left to run is for later.
    const bool later = commands.empty() && !what.next.empty();
    if (what.written) {
        std::cout << wrapped(
            "wrote " + plan.file.string() + ": model " + plan.model + ", profile " + plan.profile + "\n",
            style);
        if (what.reloaded) {
            std::cout << "the running Corral has it now\n";
        }
        if (!what.refused.empty()) {
            (void)fail(core::say("pull.words/not-taken", plan.package.string(), what.refused));
        }
        if (!plan.startable) {
            std::cout << wrapped("it can start once the errors above are fixed" +
                                     std::string(later ? "; then run what follows" : "") + "\n",
                                 style);
        }
        commands.insert(commands.end(), what.next.begin(), what.next.end());
    } else if (!commands.empty() && !plan.model.empty()) {
        commands.push_back("corral import " + options_again(options) +
                           package::shell_word(plan.package.string()));
    }
    print_commands(what.written ? std::cout : std::cerr, std::move(commands));
}

const char* word_of(package::signature_state state) {
    switch (state) {
        case package::signature_state::good:
            return "good";
        case package::signature_state::refused:
            return "refused";
        case package::signature_state::unchecked:
            return "unchecked";
        case package::signature_state::none:
            break;
    }
    return "none";
}

void print_json(const import_plan& plan, const package_trust& trust, const import_outcome& what, int status) {
    control::admin_json out;
    out["ok"] = status == imported;
    out["status"] = status;
    out["kind"] = plan.kind;
    out["profile"] = plan.profile;
    out["model"] = plan.model;
    out["file"] = plan.file.string();
    out["manifest"] = plan.text;
    out["written"] = what.written;
    if (!what.problem.empty()) {
        out["error"] = what.problem;
    }
    out["reloaded"] = what.reloaded;
    out["findings"] = doctor_json(plan.findings);
    out["checksums"] = {
        {"listed", trust.listed},
        {"good", trust.seal.has_value()},
        {"signature", word_of(trust.signature.state)},
        {"signer", trust.signature.state == package::signature_state::good ? line(trust.signature.why)
                                                                           : std::string()}};
    out["fixed"] = plan.repaired;
    out["commands"] = commands_of(plan, may_write);
    out["pull"] = plan.pull;
    out["files"] = control::admin_json::array();
    for (const package::file_group& group : plan.groups) {
        control::admin_json faults = control::admin_json::object();
        for (const package::file_group::lot& lot : group.faults) {
            faults[lot.word] = lot.which;
        }
        out["files"].push_back({{"variable", group.variable},
                                {"count", group.count},
                                {"whole", group.whole},
                                {"faults", std::move(faults)},
                                {"bytes_here", group.bytes_here},
                                {"bytes_all", group.bytes_all}});
    }
    std::cout << out.dump(2, ' ', false, control::admin_json::error_handler_t::replace) << '\n';
}

int status_of(const import_options& options, const import_plan& plan, const import_outcome& what) {
    const bool good = options.dry_run ? plan.writable : what.written;
    if (!good) {
        return not_imported;
    }
    const bool served = what.refused.empty() || options.taken_later;
    return plan.startable && served ? imported : imported_broken;
}

// A name of a hub where no such folder is.
int refuse_hub(const import_options& options) {
    std::error_code unreadable;
    if (std::filesystem::exists(options.folder, unreadable) || unreadable) {
        return imported;
    }
    const auto commands = hub_commands(options.folder);
    if (commands.empty()) {
        return imported;
    }
    if (options.json) {
        control::admin_json out;
        out["ok"] = false;
        out["status"] = static_cast<int>(not_imported);
        out["error"] = "there is no folder '" + options.folder + "'; it may be the name of a model to fetch";
        out["commands"] = commands;
        std::cout << out.dump(2, ' ', false, control::admin_json::error_handler_t::replace) << '\n';
        return not_imported;
    }
    std::cerr << "error: there is no folder " << line(options.folder)
              << " here; if that is the name of a model to fetch, fetch it first\n";
    print_commands(std::cerr, commands);
    return not_imported;
}

// Absolute, without a slash at its end; empty: the other system's files are where they will be.
std::filesystem::path root_of(const import_options& options) {
    if (options.root.empty()) {
        return {};
    }
    std::error_code unknown;
    const auto out = std::filesystem::absolute(options.root, unknown).lexically_normal();
    return out.has_filename() ? out : out.parent_path();
}

std::optional<std::string> configuration_of(const import_options& options,
                                            const std::filesystem::path& root) {
    return options.daemon.config || root.empty() ? options.daemon.config
                                                 : std::optional((root / "etc/corral/corral.toml").string());
}

bool is_below(const std::filesystem::path& what, const std::filesystem::path& root) {
    const auto relative = what.lexically_relative(root);
    return !relative.empty() && *relative.begin() != "..";
}

std::filesystem::path path_there(const std::filesystem::path& here, const std::filesystem::path& root) {
    return root.empty() ? here : "/" / here.lexically_relative(root);
}

package::machine machine_of(const import_options& options) {
    package::machine out =
        options.machine.empty() ? package::this_machine() : package::other_machine(options.machine);
    if (!options.root.empty()) {
        out.root = root_of(options);
        out.missing_modules = nullptr;  // this system's Python is not that one's
    }
    return out;
}

// What of the package the user who will serve it can't read.
std::optional<catalog::finding> closed_to_server(const import_options& options,
                                                 const config::configuration_place& place,
                                                 const std::map<std::string, std::string>& environment,
                                                 const import_request& request) {
    const auto serving = find_serving_user(options.daemon, place, environment);
    const auto who = serving ? serving : importing_user();
    return who ? closed_to(*who, request.package) : std::nullopt;
}

// By [import] of the configuration. One that can't be read may say so, and only its owner knows.
bool requires_signature(const config::configuration_place& place) {
    catalog::issue_list wrong(place.file.string());
    const auto tree = place.there ? catalog::parse_toml_file(place.file, wrong) : std::nullopt;
    return place.there && (!tree || tree->at_path("import.require_signature").value<bool>().value_or(false));
}

std::vector<std::string> words_of_machines() {
    const auto all = package::other_machines();
    return {all.begin(), all.end()};
}

}  // namespace

int run_import(const import_options& options, const std::map<std::string, std::string>& environment,
               import_result* result) {
    import_request request = options.request;
    request.elsewhere = !options.machine.empty() || !options.root.empty();
    request.root = root_of(options);
    const auto said = configuration_of(options, request.root);
    const config::configuration_place place = config::find_configuration(said, environment);
    std::error_code absent;
    if (!request.root.empty() && !std::filesystem::is_directory(request.root, absent)) {
        return fail("there is no folder " + line(request.root.string()) + " here, which --root names",
                    not_imported);
    }
    if (const int status = refuse_hub(options); status != imported) {
        return status;
    }
    // Every command that is printed names the folder as any shell finds it.
    std::error_code unknown_folder;
    const auto full = std::filesystem::absolute(options.folder, unknown_folder).lexically_normal();
    request.package = unknown_folder ? std::filesystem::path(options.folder) : full;
    if (!request.root.empty() && !is_below(request.package, request.root)) {
        return fail(
            "the package " + line(request.package.string()) + " is not below --root " +
                line(request.root.string()) +
                ". The other system would not find it. Put it there, and name it as it is found here.",
            not_imported);
    }
    request.dry_run = options.dry_run;
    request.tell = [](const std::string& text) { std::cerr << line(text) << std::endl; };
    if (request.profile && request.profile->find('/') != std::string::npos) {
        // As typed it starts where the person is, in a manifest at the manifest's own folder.
        request.profile = std::filesystem::absolute(*request.profile).lexically_normal().string();
    }
    const trust_request wanted{request.package, place.file.parent_path() / "trusted.d",
                               options.require_signature || requires_signature(place)};
    const text_style bars = result == nullptr ? style_of(STDERR_FILENO, environment) : text_style{};
    package_trust trust =
        check_trust(wanted, hash_bar("checking " + line(request.package.filename().string()), bars));
    request.known = trust.findings;
    if (auto closed =
            request.elsewhere ? std::nullopt : closed_to_server(options, place, environment, request)) {
        request.known.push_back(std::move(*closed));
    }
    const import_plan plan = plan_import(request, place, source_of(said, environment), machine_of(options));
    if (trust.seal && request.elsewhere) {
        trust.seal = package::moved_seal(*std::move(trust.seal), path_there(request.package, request.root));
    }
    // With --dry-run the manifest alone is on standard output; what ends in nothing is a failure.
    const bool aside = options.dry_run || !plan.writable;
    std::ostream& report = aside ? std::cerr : std::cout;
    if (!options.json && result == nullptr) {
        print_trust(report, trust);
        print_report(report, options, plan, style_of(aside ? STDERR_FILENO : STDOUT_FILENO, environment));
    }
    import_outcome what;
    if (plan.writable && !options.dry_run) {
        write(options, plan, trust, place, environment, what);
    }
    const int status = status_of(options, plan, what);
    if (result != nullptr) {
        *result = {plan.findings, what.problem, what.refused};
    } else if (options.json) {
        print_json(plan, trust, what, status);
    } else if (options.dry_run) {
        print_commands(std::cerr, commands_of(plan, may_write));
        std::cout << plan.text;
    } else {
        print_outcome(options, plan, what, style_of(STDOUT_FILENO, environment));
    }
    return status;
}

void add_import_command(CLI::App& program, command_context& context) {
    auto asked = std::make_shared<import_options>();
    CLI::App* one = program.add_subcommand(
        "import", "Import a vendor's model package: inspect it, check it and write its manifest");
    one->add_option("folder", asked->folder, "Package folder, as downloaded")->type_name("DIR")->required();
    one->add_option("--name", asked->request.name,
                    "NAME or NAME:TAG for the model; default: from the package")
        ->type_name("NAME");
    one->add_option("--profile", asked->request.profile, "Runtime profile; default: by the kind of package")
        ->type_name("PROFILE");
    one->add_flag("--dry-run", asked->dry_run, "Print the manifest and the findings; write nothing");
    one->add_flag("--force", asked->request.replace, "Replace an existing manifest of that name");
    one->add_flag("--fix", asked->request.repair,
                  "Fix what can be fixed automatically: execute bits, environment variables, and Python "
                  "packages (with pip)");
    one->add_option(
           "--machine", asked->machine,
           "Import for a machine of another kind: aarch64, x86_64, or ax650 (the accelerator's own board)")
        ->check(CLI::IsMember(words_of_machines()).description(""))
        ->type_name(core::joined(words_of_machines(), "|"));
    one->add_option("--root", asked->root,
                    "Import for the system rooted at DIR, such as an image being built")
        ->type_name("DIR");
    one->add_flag("--require-signature", asked->require_signature,
                  "Refuse a package unless its checksum list is signed by a key in trusted.d");
    one->add_flag("-v", asked->daemon.verbose, "List all files, not just the first ones");
    one->add_flag("--json", asked->json, "Print JSON");
    add_daemon_options(*one, asked->daemon);
    one->footer(
        "Exit status: 0 written, and no known obstacle to starting it; 1 written, but it can't start, or the "
        "running Corral refused to reload; 2 nothing written.");
    one->parse_complete_callback([asked, &context] {
        asked->request.install = asked->request.repair && asked->machine.empty() && asked->root.empty();
        context.run = [asked, &context] { return run_import(*asked, context.environment); };
    });
}

}  // namespace corral::cli
