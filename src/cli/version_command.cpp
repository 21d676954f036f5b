#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "command.hpp"
#include "corral/version.hpp"

namespace corral::cli {

void add_version_command(CLI::App& program, command_context& context) {
    auto as_json = std::make_shared<bool>(false);
    CLI::App* one = program.add_subcommand("version", "Print the version");
    one->add_flag("--json", *as_json, "As JSON");
    one->parse_complete_callback([as_json, &context] {
        context.run = [as_json] {
            if (*as_json) {
                std::cout << nlohmann::json{{"version", version}}.dump(2) << '\n';
            } else {
                std::cout << "corral " << version << '\n';
            }
            return static_cast<int>(succeeded);
        };
    });
}

}  // namespace corral::cli
