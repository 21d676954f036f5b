#include <algorithm>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <sstream>
#include <string>

#include <unistd.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/base/command.hpp"
#include "cli/base/command_source.hpp"
#include "cli/base/terminal.hpp"
#include "cli/packages/import_trust.hpp"
#include "cli/packages/serving_user.hpp"
#include "cli/trouble/doctor_examination.hpp"
#include "corral/catalog/placement.hpp"
#include "corral/core/say.hpp"
#include "corral/doctor/doctor.hpp"
#include "corral/package/package_tree.hpp"

namespace corral::cli {

namespace {

using json = nlohmann::ordered_json;

struct check_options {
    std::optional<std::string> file;
    bool json = false;
    bool no_files = false;
};

// What the checks before a start will say of the files of each model that is run here.
std::vector<catalog::finding> findings_of(const config::configuration& settings, const text_style& style,
                                          const std::optional<serving_user>& who) {
    std::vector<catalog::finding> out;
    const auto look = [&](const catalog::model_entry& model) {
        auto view = doctor::view_of(model);
        if (model.runtime.services.empty() || !view) {
            return;  // elsewhere, or refused by the reader of the configuration already
        }
        doctor::examination of;
        of.around = doctor::these_surroundings(0);
        of.models.push_back(std::move(*view));
        std::ranges::move(doctor::examine_before_start(of, doctor::start_part::files),
                          std::back_inserter(out));
        if (auto closed = who ? closed_to(*who, model.package) : std::nullopt) {
            closed->subject = "model " + catalog::label_of(model);
            out.push_back(std::move(*closed));
        }
        for (catalog::finding& one : check_sealed_content(model, hash_bar("checking " + model.name, style))) {
            one.subject = "model " + catalog::label_of(model);
            out.push_back(std::move(one));
        }
    };
    for (const catalog::model_entry& model : settings.models) {
        look(model);
        std::ranges::for_each(model.fallbacks, look);
    }
    return out;
}

// What root reads here, and the user who will serve can't.
std::vector<catalog::finding> closed_files(const config::configuration_source& source,
                                           const config::configuration& settings, const serving_user& who) {
    std::vector<catalog::finding> out;
    const auto look = [&](const std::filesystem::path& file, bool secret) {
        const auto closed = closed_file(who, file);
        if (!closed) {
            return;
        }
        std::error_code ignored;  // it is named as a file then
        const bool folder = std::filesystem::is_directory(*closed, ignored);
        const std::string change = folder   ? "chmod a+rx "
                                   : secret ? "chown " + who.name + " "
                                            : std::string("chmod a+r ");
        catalog::finding found{"configuration.closed",
                               catalog::severity::error,
                               "the configuration",
                               core::say("configuration.closed", *closed, who.name),
                               "You are root and can read it; what it says would not count.",
                               "Run: sudo " + change + package::shell_word(closed->string())};
        const auto same = [&](const catalog::finding& other) { return other.what == found.what; };
        if (std::ranges::none_of(out, same)) {
            out.push_back(std::move(found));
        }
    };
    look(source.file, false);
    look(settings.models_directory, false);
    for (const catalog::model_entry& model : settings.models) {
        look(model.source, false);
    }
    for (const config::left_out_manifest& one : settings.left_out) {
        look(one.file, false);
    }
    if (settings.keys_file) {
        look(*settings.keys_file, true);
    }
    if (settings.tls) {
        look(settings.tls->certificate, false);
        look(settings.tls->key, true);
    }
    return out;
}

bool has_error(const std::vector<catalog::finding>& found) {
    return std::ranges::any_of(
        found, [](const catalog::finding& one) { return one.level == catalog::severity::error; });
}

void print_findings(const std::vector<catalog::finding>& found) {
    for (const catalog::finding& one : found) {
        const bool goes_on = !one.fix.empty() && one.fix.front() >= 'a' && one.fix.front() <= 'z';
        std::cerr << catalog::severity_name(one.level) << ": " << one.subject << ": " << one.what
                  << (one.what.ends_with('.') ? " "
                      : goes_on               ? "; "
                                              : ". ")
                  << one.fix << '\n';
    }
}

json as_json(const std::vector<catalog::diagnostic>& all) {
    json out = json::array();
    for (const catalog::diagnostic& one : all) {
        out.push_back({{"file", one.file},
                       {"line", one.line},
                       {"column", one.column},
                       {"id", one.message.id()},
                       {"message", one.message.text()}});
    }
    return out;
}

void print_json(const config::configuration_source& source, const config::configuration_result& read,
                const std::vector<catalog::finding>& found, int status) {
    json out;
    out["ok"] = status == succeeded;
    out["configuration"] = source.file.string();
    out["errors"] = as_json(read.errors);
    out["warnings"] = as_json(read.warnings);
    out["left_out"] = json::array();
    out["models"] = json::array();
    if (read.value) {
        for (const config::left_out_manifest& one : read.value->left_out) {
            out["left_out"].push_back(
                {{"file", one.file.string()}, {"name", one.name}, {"errors", as_json(one.problems)}});
        }
        for (const catalog::model_entry& model : read.value->models) {
            out["models"].push_back(model.name);
        }
    }
    out["files"] = doctor_json(found);
    std::cout << out.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
}

const char* verdict_of(const config::configuration_source& source, int status) {
    if (status == bad_configuration) {
        return "good, except for the manifests above";
    }
    if (status == failed) {
        return "good, except for the files below";
    }
    std::error_code ignored;  // one that can't be looked at has been read
    const bool there = !source.file_may_be_missing || std::filesystem::exists(source.file, ignored);
    return there ? "good" : "not there; the defaults apply";
}

void print_summary(const config::configuration_source& source, const config::configuration& settings,
                   int status, const text_style& style) {
    const bool local = settings.listen.address().is_loopback();
    std::ostringstream out;
    const std::size_t count = settings.models.size();
    out << source.file.string() << ": " << verdict_of(source, status) << "; "
        << (count == 0   ? "no model"
            : count == 1 ? "1 model"
                         : std::to_string(count) + " models")
        << '\n';
    for (const catalog::model_entry& model : settings.models) {
        out << "  " << model.name << " (profile " << model.runtime.name
            << (model.package.empty() ? "" : ", " + model.package.string()) << ")\n";
        for (const catalog::model_entry& fallback : model.fallbacks) {
            out << "    else " << catalog::label_of(fallback) << " (profile " << fallback.runtime.name
                << ")\n";
        }
    }
    out << "  manifests: " << settings.models_directory.string() << '\n';
    out << "  open to " << (local ? "this machine alone" : "the network") << ", "
        << (settings.tls ? "with TLS" : "without TLS") << ", "
        << (settings.keys_file ? "with keys: " + settings.keys_file->string() : "without keys") << '\n';
    std::cout << wrapped(out.str(), style);
}

int check(const check_options& asked, const command_context& context) {
    const config::configuration_source source = source_of(asked.file, context.environment);
    const config::configuration_result read = config::load_configuration(source);
    const bool good = read.value && read.value->left_out.empty();
    const auto who = read.value
                         ? find_serving_user({{}, asked.file, false},
                                             config::find_configuration(asked.file, context.environment),
                                             context.environment)
                         : std::nullopt;
    auto found = who ? closed_files(source, *read.value, *who) : std::vector<catalog::finding>{};
    if (read.value && !asked.no_files) {
        std::ranges::move(findings_of(*read.value, style_of(STDERR_FILENO, context.environment), who),
                          std::back_inserter(found));
    }
    const int status = !good ? bad_configuration : has_error(found) ? failed : succeeded;
    if (asked.json) {
        print_json(source, read, found, status);
        return status;
    }
    for (const catalog::diagnostic& what : read.warnings) {
        std::cerr << "warning: " << catalog::to_text(what) << '\n';
    }
    for (const catalog::diagnostic& what : read.errors) {
        std::cerr << "error: " << catalog::to_text(what) << '\n';
    }
    if (!read.value) {
        return status;
    }
    for (const config::left_out_manifest& one : read.value->left_out) {
        for (const catalog::diagnostic& what : one.problems) {
            std::cerr << "error: " << catalog::to_text(what) << '\n';
        }
        std::cerr << "  " << one.file.string() << " is left out; all others are served\n";
    }
    print_summary(source, *read.value, status, style_of(STDOUT_FILENO, context.environment));
    print_findings(found);
    return status;
}

}  // namespace

void add_check_command(CLI::App& program, command_context& context) {
    const auto asked = std::make_shared<check_options>();
    CLI::App* one = program.add_subcommand(
        "check", "Validate the configuration and its manifests, and check the models' files");
    one->add_option("--config,file", asked->file,
                    "Configuration file (TOML); default: the standard locations")
        ->type_name("FILE");
    one->add_flag("--no-files", asked->no_files, "Skip the models' files");
    one->add_flag("--json", asked->json, "Print JSON");
    one->parse_complete_callback(
        [asked, &context] { context.run = [asked, &context] { return check(*asked, context); }; });
}

}  // namespace corral::cli
