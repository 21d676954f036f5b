// corral unit [--write]

#include "cli/serve/unit_command.hpp"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include <fnmatch.h>
#include <sys/stat.h>
#include <CLI/CLI.hpp>

#include "cli/base/command.hpp"
#include "cli/base/command_source.hpp"
#include "corral/config/manifest_file.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

constexpr std::size_t most_nodes = 256;  // of one pattern

// Pattern to the profiles that say it.
using wanted_nodes = std::map<std::string, std::set<std::string>>;

void add(const catalog::model_entry& model, wanted_nodes& to) {
    for (const std::string& node : model.runtime.device.nodes) {
        to[node].insert(model.runtime.name);
    }
}

std::string joined(const std::set<std::string>& all) {
    std::string out;
    for (const std::string& one : all) {
        out += (out.empty() ? "" : ", ") + one;
    }
    return out;
}

bool is_device(const std::filesystem::path& file) {
    struct stat facts {};
    return ::stat(file.c_str(), &facts) == 0 && (S_ISCHR(facts.st_mode) || S_ISBLK(facts.st_mode));
}

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
                  << " now; load the driver, then run this again\n";
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

unit_drop_in unit_drop_in_of(const config::configuration& settings, const node_finder& find) {
    wanted_nodes wanted;
    for (const catalog::model_entry& model : settings.models) {
        add(model, wanted);
        for (const catalog::model_entry& fallback : model.fallbacks) {
            add(fallback, wanted);
        }
    }
    unit_drop_in out;
    out.text =
        "# Written by 'corral unit --write': no device file but those of the models. After a change of the "
        "models, the\n"
        "# driver or the cards, write it again, then: systemctl daemon-reload && systemctl restart corral\n"
        "[Service]\n";
    if (settings.pull.from_clients) {
        out.text +=
            "# [pull] from_clients: packages and manifests are written for clients.\nReadWritePaths=\"-" +
            settings.pull.directory.string() + "\" \"-" + settings.models_directory.string() + "\"\n";
    }
    if (settings.models.empty()) {
        out.text +=
            "# There is no model yet: all device files stay open. After the first one, write it again.\n";
        return out;
    }
    if (wanted.empty()) {
        out.text += "# No model names a device file.\nPrivateDevices=yes\nProtectClock=yes\n";
        return out;
    }
    out.text += "DevicePolicy=closed\n";
    for (const auto& [pattern, profiles] : wanted) {
        const std::vector<std::string> found = find(pattern);
        out.text +=
            "# " + pattern + ", of " + joined(profiles) + (found.empty() ? ": not there now\n" : "\n");
        for (const std::string& node : found) {
            out.text += "DeviceAllow=" + node + " rw\n";
        }
        if (found.empty()) {
            out.missing.push_back(pattern);
        }
        // Without a wildcard it may come before the service is started next.
        if (found.empty() && pattern.find_first_of("*?") == std::string::npos) {
            out.text += "DeviceAllow=" + pattern + " rw\n";
        }
    }
    return out;
}

std::vector<std::string> find_nodes(const std::string& pattern) {
    const std::filesystem::path whole(pattern);
    const std::string last = whole.filename().string();
    std::vector<std::string> out;
    std::error_code unreadable;  // a folder that is not there has none
    for (std::filesystem::directory_iterator at(whole.parent_path(), unreadable), end;
         !unreadable && at != end; at.increment(unreadable)) {
        const std::string name = at->path().filename().string();
        const bool plain = name.find_first_of(" \t%\"'\\\n") == std::string::npos;
        if (plain && out.size() < most_nodes && ::fnmatch(last.c_str(), name.c_str(), 0) == 0 &&
            is_device(at->path())) {
            out.push_back(at->path().string());
        }
    }
    std::ranges::sort(out);
    return out;
}

void add_unit_command(CLI::App& program, command_context& context) {
    auto asked = std::make_shared<unit_options>();
    CLI::App* one = program.add_subcommand(
        "unit", "Limit corral.service to the device files that the configured models need");
    one->add_option("--config", asked->config, "Configuration file (TOML); default: the standard locations")
        ->type_name("FILE");
    one->add_flag("--write", asked->write, "Write a drop-in for corral.service instead of printing it");
    one->add_option("--folder", asked->folder, "Folder for the drop-in")
        ->type_name("DIR")
        ->capture_default_str();
    one->parse_complete_callback([asked, &context] {
        context.run = [asked, &context] { return run_unit(*asked, context.environment); };
    });
}

}  // namespace corral::cli
