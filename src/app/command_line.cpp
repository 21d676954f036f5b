#include "command_line.hpp"

#include <csignal>
#include <cstdio>
#include <iostream>
#include <optional>
#include <string>

#include <fcntl.h>
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>

#include "corral/app/configuration.hpp"
#include "corral/engine/dialect.hpp"
#include "corral/process/descriptor_limit.hpp"
#include "corral/process/warden.hpp"
#include "corral/telemetry/log.hpp"
#include "corral/version.hpp"
#include "daemon.hpp"

namespace corral::app {

namespace {

enum exit_status { succeeded = 0, failed = 1, bad_configuration = 2 };

struct command_options {
    std::string config;
    std::optional<std::string> listen;
};

std::map<std::string, std::string> ollama_environment() {
    std::map<std::string, std::string> found;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text = *entry;
        const std::size_t equals = text.find('=');
        if (text.starts_with("OLLAMA_") && equals != std::string_view::npos) {
            found.emplace(text.substr(0, equals), text.substr(equals + 1));
        }
    }
    return found;
}

std::optional<configuration> load(const command_options& options) {
    configuration_source source;
    source.file = options.config;
    source.environment = ollama_environment();
    source.listen = options.listen;
    for (const engine::dialect_descriptor* dialect : engine::dialects()) {
        source.dialects.emplace_back(dialect->name);
    }
    configuration_result read = load_configuration(source);
    for (const catalog::diagnostic& what : read.warnings) {
        std::cerr << "warning: " << catalog::to_text(what) << '\n';
    }
    for (const catalog::diagnostic& what : read.errors) {
        std::cerr << "error: " << catalog::to_text(what) << '\n';
    }
    return std::move(read.value);
}

int check(const command_options& options) {
    const auto settings = load(options);
    if (!settings) {
        return bad_configuration;
    }
    std::cout << options.config << ": good; " << settings->models.size()
              << (settings->models.size() == 1 ? " model" : " models") << '\n';
    for (const catalog::model_entry& model : settings->models) {
        std::cout << "  " << model.name << " (profile " << model.runtime.name << ", "
                  << model.package.string() << ")\n";
    }
    return succeeded;
}

// What a parent did to its own signals and descriptors is inherited through exec (platform_traps.md 7): with
// SIGCHLD ignored no child leaves a status, a blocked SIGTERM is never heard, and with a standard descriptor
// closed the log would go into whatever is opened next.
void undo_inheritance() {
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGCHLD, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    int lowest_free = 0;
    do {
        lowest_free = ::open("/dev/null", O_RDWR);
    } while (lowest_free >= 0 && lowest_free <= STDERR_FILENO);
    if (lowest_free >= 0) {
        ::close(lowest_free);
    }
}

int serve(const command_options& options) {
    undo_inheritance();
    const auto settings = load(options);
    if (!settings) {
        return bad_configuration;
    }
    const auto raised = process::raise_descriptor_limit();
    // Before any thread exists, the log's included.
    auto guard = process::warden::start();
    if (!guard) {
        std::cerr << "error: " << guard.error().message << '\n';
        return failed;
    }
    telemetry::start_logging(settings->log_level);
    if (!raised) {
        telemetry::log().warn("{}", raised.error().message);
    }
    int status = succeeded;
    {
        for (const pid_t stray : process::kill_strays(guard->token())) {
            telemetry::log().warn("killed process {}, left over from a run that was killed", stray);
        }
        boost::asio::io_context loop(1);
        daemon here(loop, *settings, *guard);
        if (const auto opened = here.open(); !opened) {
            telemetry::log().error("{}", opened.error().message);
            status = failed;
        } else {
            here.run();
        }
    }
    telemetry::stop_logging();
    return status;
}

}  // namespace

int run_command_line(int argc, const char* const* argv) {
    CLI::App program("Corral turns the LLM runtime of an edge NPU into a dependable Ollama server.",
                     "corral");
    program.require_subcommand(1);
    command_options options;

    CLI::App* serving = program.add_subcommand("serve", "Start the runtimes and serve their models");
    serving->add_option("--config", options.config, "Configuration file (TOML)")->required();
    serving->add_option("--listen", options.listen, "ADDR:PORT to listen on; wins over the file");
    CLI::App* checking =
        program.add_subcommand("check", "Read a configuration file and say what is wrong with it");
    checking->add_option("file", options.config, "Configuration file (TOML)")->required();
    CLI::App* versioning = program.add_subcommand("version", "Print the version");

    CLI11_PARSE(program, argc, argv);
    if (versioning->parsed()) {
        std::cout << "corral " << version << '\n';
        return succeeded;
    }
    return checking->parsed() ? check(options) : serve(options);
}

}  // namespace corral::app
