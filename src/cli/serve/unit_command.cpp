// corral unit [--write]

#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/base/command.hpp"
#include "cli/base/command_source.hpp"
#include "cli/serve/unit_drop_in.hpp"
#include "corral/config/manifest_file.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

struct unit_options {
    std::optional<std::string> config;
    std::string folder = "/etc/systemd/system/corral.service.d";
    bool write = false;
};

int run_unit(const unit_options& asked, const std::map<std::string, std::string>& environment) {
    const auto settings = load_and_tell(source_of(asked.config, environment));
    if (!settings) {
        return bad_configuration;
    }
    const unit_drop_in made = unit_drop_in_of(*settings, find_nodes);
    for (const std::string& pattern : made.missing) {
        std::cerr << "warning: there is no device file " << telemetry::printable(pattern)
                  << " now; load the driver, then write this anew\n";
    }
    if (!asked.write) {
        std::cout << made.text;
        return succeeded;
    }
    const std::filesystem::path file = std::filesystem::path(asked.folder) / "devices.conf";
    if (const auto written =
            config::write_manifest(file, made.text, true, "name another folder by --folder DIR");
        !written) {
        return fail(telemetry::printable(written.error().message, 1000));
    }
    std::cout << "wrote " << file.string()
              << "\nRun this:\n  systemctl daemon-reload && systemctl restart corral\n";
    return succeeded;
}

}  // namespace

void add_unit_command(CLI::App& program, command_context& context) {
    auto asked = std::make_shared<unit_options>();
    CLI::App* one = program.add_subcommand(
        "unit", "Close the service's unit: no device file but those of the configured models");
    one->add_option("--config", asked->config, "Configuration file (TOML); else the usual places")
        ->type_name("FILE");
    one->add_flag("--write", asked->write, "Write it as a drop-in of corral.service; else it is printed");
    one->add_option("--folder", asked->folder, "The folder of drop-ins")
        ->type_name("DIR")
        ->capture_default_str();
    one->parse_complete_callback([asked, &context] {
        context.run = [asked, &context] { return run_unit(*asked, context.environment); };
    });
}

}  // namespace corral::cli
