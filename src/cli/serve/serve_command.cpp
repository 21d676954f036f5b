#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include "cli/base/command.hpp"
#include "cli/serve/serve_options.hpp"
#include "corral/process/own_process.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

// Returns only where that failed. What this process has inherited goes on to the program: its descriptors, its blocked
// signals and its number.
int become_server(const char* command, std::vector<std::string> words, const command_context& context) {
    const std::string program = process::program_beside("corral-serve").string();
    words.insert(words.begin(), {process::as_called(context.program, process::own_program()), command});
    std::vector<char*> pointers;
    pointers.reserve(words.size() + 1);
    for (std::string& word : words) {
        pointers.push_back(word.data());
    }
    pointers.push_back(nullptr);
    ::execv(program.c_str(), pointers.data());
    return fail(
        fmt::format("'{}' can't be executed: {}. It belongs beside 'corral': install both, or build both "
                    "('tools/build').",
                    telemetry::printable(program, 1000), std::strerror(errno)));
}

}  // namespace

void add_serve_command(CLI::App& program, command_context& context) {
    auto options = std::make_shared<serve_options>();
    CLI::App* serving = program.add_subcommand("serve", "Start the runtimes and serve their models");
    add_serve_options(*serving, *options);
    serving->parse_complete_callback([options, &context] {
        context.run = [options, &context] { return become_server("serve", words_of(*options), context); };
    });
}

// Run by `serve` before an upgrade; not for people.
void add_preflight_command(CLI::App& program, command_context& context) {
    auto options = std::make_shared<serve_options>();
    CLI::App* asking = program.add_subcommand("preflight", "Say whether this program can take over");
    add_preflight_options(*asking, *options);
    asking->parse_complete_callback([options, &context] {
        context.run = [options, &context] {
            std::vector<std::string> words = words_of(*options);
            words.insert(words.end(), {"--handover-version", std::to_string(options->handover_version)});
            return become_server("preflight", std::move(words), context);
        };
    });
}

}  // namespace corral::cli
