#include <iostream>
#include <memory>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "cli/command_source.hpp"
#include "corral/catalog/placement.hpp"

namespace corral::cli {

namespace {

using json = nlohmann::ordered_json;

struct check_options {
    std::optional<std::string> file;
    bool json = false;
};

json as_json(const std::vector<catalog::diagnostic>& all) {
    json out = json::array();
    for (const catalog::diagnostic& one : all) {
        out.push_back(
            {{"file", one.file}, {"line", one.line}, {"column", one.column}, {"message", one.message}});
    }
    return out;
}

void print_json(const config::configuration_source& source, const config::configuration_result& read,
                int status) {
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
    std::cout << out.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
}

void print_good(const config::configuration_source& source, const config::configuration& settings) {
    const bool local = settings.listen.address().is_loopback();
    std::error_code ignored;  // one that can't be looked at has been read
    const bool there = !source.file_may_be_missing || std::filesystem::exists(source.file, ignored);
    std::cout << source.file.string() << (there ? ": good; " : ": not there, which is good too; ")
              << settings.models.size() << (settings.models.size() == 1 ? " model" : " models") << '\n';
    for (const catalog::model_entry& model : settings.models) {
        std::cout << "  " << model.name << " (profile " << model.runtime.name << ", "
                  << model.package.string() << ")\n";
        for (const catalog::model_entry& fallback : model.fallbacks) {
            std::cout << "    else " << catalog::label_of(fallback) << " (profile " << fallback.runtime.name
                      << ")\n";
        }
    }
    std::cout << "  manifests: " << settings.models_directory.string() << '\n';
    std::cout << "  for " << (local ? "this machine" : "the network") << ", "
              << (settings.tls ? "with TLS" : "without TLS") << ", "
              << (settings.keys_file ? "with keys: " + settings.keys_file->string() : "without keys") << '\n';
}

int check(const check_options& asked, const command_context& context) {
    const config::configuration_source source = source_of(asked.file, context.environment);
    const config::configuration_result read = config::load_configuration(source);
    const bool good = read.value && read.value->left_out.empty();
    const int status = good ? succeeded : bad_configuration;
    if (asked.json) {
        print_json(source, read, status);
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
    print_good(source, *read.value);
    return status;
}

}  // namespace

void add_check_command(CLI::App& program, command_context& context) {
    const auto asked = std::make_shared<check_options>();
    CLI::App* one = program.add_subcommand(
        "check", "Read the configuration and its manifests and say what is wrong with them");
    one->add_option("file", asked->file, "Configuration file (TOML); else the usual places")
        ->type_name("FILE");
    one->add_flag("--json", asked->json, "As JSON");
    one->parse_complete_callback(
        [asked, &context] { context.run = [asked, &context] { return check(*asked, context); }; });
}

}  // namespace corral::cli
