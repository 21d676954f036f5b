#include <iostream>

#include <CLI/CLI.hpp>

#include "commands.hpp"
#include "man_page.hpp"

namespace corral::cli {

// Run by the build; not for people.
void add_man_command(CLI::App& program, command_context& context) {
    CLI::App* one = program.add_subcommand("man", "Print the manual page");
    one->group("");
    one->parse_complete_callback([&context] {
        context.run = [&context] {
            std::cout << man_page(*context.root);
            return static_cast<int>(succeeded);
        };
    });
}

}  // namespace corral::cli
