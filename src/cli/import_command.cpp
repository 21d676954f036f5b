// corral import DIR

#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/command.hpp"
#include "cli/command_source.hpp"
#include "cli/daemon_place.hpp"
#include "cli/import_plan.hpp"
#include "corral/config/configuration_place.hpp"
#include "corral/config/manifest_file.hpp"
#include "corral/control/admin_client.hpp"
#include "corral/package/package_tree.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

enum import_status : int { imported = 0, imported_broken = 1, not_imported = 2 };

struct import_options {
    import_request request;
    daemon_place daemon;
    std::string folder;
    bool dry_run = false;
    bool json = false;
};

// What became of it.
struct import_outcome {
    bool written = false;
    bool reloaded = false;
    std::vector<std::string> next;  // for people: what to do now
};

std::string line(const std::string& text) {
    return telemetry::printable(text, 2000);
}

void print_findings(const std::vector<catalog::finding>& findings) {
    for (const catalog::finding& one : findings) {
        std::cerr << catalog::severity_name(one.level) << ": " << line(one.what) << '\n';
        if (!one.why.empty()) {
            std::cerr << "    why: " << line(one.why) << '\n';
        }
        if (!one.fix.empty()) {
            std::cerr << "    fix: " << line(one.fix) << '\n';
        }
    }
}

// A Corral that runs takes the model at once.
void ask_to_reload(const import_options& asked, const config::configuration_place& place,
                   const std::map<std::string, std::string>& environment, import_outcome& to) {
    constexpr core::seconds longest{30};
    const auto places = sockets_of(asked.daemon, environment);
    const auto status = control::ask_daemon(places, control::admin_json{{"verb", "status"}}, longest);
    const bool ours = status && is_about(*status, place.file);
    const auto answer = control::ask_daemon(ours ? places : std::vector<std::filesystem::path>{},
                                            control::admin_json{{"verb", "reload"}}, longest);
    if (!answer) {
        to.next.emplace_back(place.named ? "corral serve --config " + package::shell_word(place.file.string())
                                         : std::string("corral serve"));
        return;
    }
    to.reloaded = answer->value("ok", control::admin_json(false)) == true;
    to.next.emplace_back(to.reloaded ? "corral status"
                                     : "corral reload   (it refused just now; it says why)");
}

void write(const import_options& asked, const import_plan& plan, const config::configuration_place& place,
           const std::map<std::string, std::string>& environment, import_outcome& to) {
    const auto done = config::write_manifest(plan.file, plan.text, asked.request.replace);
    if (!done) {
        std::cerr << "error: " << line(done.error().message) << '\n';
        return;
    }
    to.written = true;
    if (plan.startable) {
        ask_to_reload(asked, place, environment, to);
    }
}

void print_outcome(const import_plan& plan, const import_outcome& what) {
    if (!what.written) {
        return;
    }
    std::cout << "wrote " << plan.file.string() << ": model " << plan.model << ", profile " << plan.profile
              << '\n';
    if (!plan.startable) {
        std::cout
            << "it will not start until what is said above as an error is mended; then: corral reload\n";
        return;
    }
    if (what.reloaded) {
        std::cout << "the Corral that runs has it now\n";
    }
    for (const std::string& command : what.next) {
        std::cout << "next: " << command << '\n';
    }
}

void print_json(const import_plan& plan, const import_outcome& what, int status) {
    control::admin_json out;
    out["status"] = status;
    out["kind"] = plan.kind;
    out["profile"] = plan.profile;
    out["model"] = plan.model;
    out["file"] = plan.file.string();
    out["manifest"] = plan.text;
    out["written"] = what.written;
    out["reloaded"] = what.reloaded;
    out["findings"] = control::admin_json::array();
    for (const catalog::finding& one : plan.findings) {
        out["findings"].push_back({{"id", one.id},
                                   {"severity", catalog::severity_name(one.level)},
                                   {"subject", one.subject},
                                   {"what", one.what},
                                   {"why", one.why},
                                   {"fix", one.fix}});
    }
    std::cout << out.dump(2, ' ', false, control::admin_json::error_handler_t::replace) << '\n';
}

int status_of(const import_options& asked, const import_plan& plan, const import_outcome& what) {
    const bool good = asked.dry_run ? plan.writable : what.written;
    if (!good) {
        return not_imported;
    }
    return plan.startable ? imported : imported_broken;
}

int run_import(const import_options& asked, const std::map<std::string, std::string>& environment) {
    const auto& said = asked.daemon.config;
    const config::configuration_place place = config::find_configuration(said, environment);
    import_request request = asked.request;
    request.package = asked.folder;
    if (request.profile && request.profile->find('/') != std::string::npos) {
        // As typed it starts where the person is, in a manifest at the manifest's own folder.
        request.profile = std::filesystem::absolute(*request.profile).lexically_normal().string();
    }
    const import_plan plan =
        plan_import(request, place, source_of(said, environment), package::this_machine());
    if (!asked.json) {
        if (!plan.kind.empty()) {
            std::cerr << line(asked.folder) << " is " << plan.kind << '\n';
        }
        print_findings(plan.findings);
    }
    import_outcome what;
    if (plan.writable && !asked.dry_run) {
        write(asked, plan, place, environment, what);
    }
    const int status = status_of(asked, plan, what);
    if (asked.json) {
        print_json(plan, what, status);
    } else if (asked.dry_run) {
        std::cout << plan.text;
    } else {
        print_outcome(plan, what);
    }
    return status;
}

}  // namespace

void add_import_command(CLI::App& program, command_context& context) {
    auto asked = std::make_shared<import_options>();
    CLI::App* one = program.add_subcommand(
        "import", "Make a model of a vendor's folder: read it, check it, and write its manifest");
    one->add_option("folder", asked->folder, "The package's folder, as it was downloaded")
        ->type_name("DIR")
        ->required();
    one->add_option("--name", asked->request.name,
                    "NAME or NAME:TAG of the model; else by the package's names")
        ->type_name("NAME");
    one->add_option("--profile", asked->request.profile, "The runtime's profile; else by the kind of package")
        ->type_name("PROFILE");
    one->add_flag("--dry-run", asked->dry_run, "Print the manifest and what was found; write nothing");
    one->add_flag("--force", asked->request.replace, "Replace a manifest of that name");
    one->add_flag("--json", asked->json, "As JSON");
    add_daemon_options(*one, asked->daemon);
    one->footer(
        "Exit status: 0 written, and nothing is known that keeps it from starting; 1 written, but something "
        "does; 2 nothing written.");
    one->parse_complete_callback([asked, &context] {
        context.run = [asked, &context] { return run_import(*asked, context.environment); };
    });
}

}  // namespace corral::cli
