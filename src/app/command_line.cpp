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

#include "admin_command.hpp"
#include "corral/app/configuration.hpp"
#include "corral/engine/dialect.hpp"
#include "corral/process/descriptor_limit.hpp"
#include "corral/process/replace_image.hpp"
#include "corral/process/warden.hpp"
#include "corral/telemetry/log.hpp"
#include "corral/version.hpp"
#include "daemon.hpp"
#include "inheritance.hpp"
#include "key_command.hpp"
#include "launch_facts.hpp"
#include "logs_command.hpp"
#include "upgrade_preflight.hpp"

namespace corral::app {

namespace {

enum exit_status { succeeded = 0, failed = 1, bad_configuration = 2 };

struct command_options {
    std::string config;
    std::optional<std::string> listen;
    std::string program;       // as it was called
    int handover_version = 0;  // of preflight
};

std::map<std::string, std::string> known_environment() {
    std::map<std::string, std::string> found;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text = *entry;
        const std::size_t equals = text.find('=');
        const std::string_view name = text.substr(0, equals);
        const bool known = name.starts_with("OLLAMA_") || name == "STATE_DIRECTORY" ||
                           name == "RUNTIME_DIRECTORY" || name == "XDG_STATE_HOME" ||
                           name == "XDG_CONFIG_HOME" || name == "CORRAL_CONFIG" || name == "HOME";
        if (known && equals != std::string_view::npos) {
            found.emplace(name, text.substr(equals + 1));
        }
    }
    return found;
}

configuration_source source_of(const command_options& options) {
    configuration_source source;
    source.file = options.config;
    source.environment = known_environment();
    source.listen = options.listen;
    for (const engine::dialect_descriptor* dialect : engine::dialects()) {
        source.dialects.emplace_back(dialect->name);
    }
    return source;
}

std::optional<configuration> load(const command_options& options) {
    configuration_result read = load_configuration(source_of(options));
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
    const bool local = settings->listen.address().is_loopback();
    std::cout << options.config << ": good; " << settings->models.size()
              << (settings->models.size() == 1 ? " model" : " models") << '\n';
    for (const catalog::model_entry& model : settings->models) {
        std::cout << "  " << model.name << " (profile " << model.runtime.name << ", "
                  << model.package.string() << ")\n";
    }
    std::cout << "  for " << (local ? "this machine" : "the network") << ", "
              << (settings->tls ? "with TLS" : "without TLS") << ", "
              << (settings->keys_file ? "with keys: " + settings->keys_file->string() : "without keys")
              << '\n';
    return succeeded;
}

// What a parent did to its own signals and descriptors is inherited through exec (platform_traps.md 7): with
// SIGCHLD ignored no child leaves a status, a blocked SIGTERM is never heard, and with a standard descriptor
// closed the log would go into whatever is opened next. A file that may not grow is a failed write like any
// other, not the end: a limit may come with the unit (LimitFSIZE=), and the log may be a file.
void undo_inheritance() {
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
    std::signal(SIGCHLD, SIG_DFL);
    int lowest_free = 0;
    do {
        lowest_free = ::open("/dev/null", O_RDWR);
    } while (lowest_free >= 0 && lowest_free <= STDERR_FILENO);
    if (lowest_free >= 0) {
        ::close(lowest_free);
    }
}

int preflight(const command_options& options) {
    const auto settings = load(options);
    return settings ? print_preflight(*settings, options.handover_version) : bad_configuration;
}

launch_facts facts_of(const command_options& options) {
    launch_facts facts{find_own_program(options.program), {"--config", options.config}};
    if (options.listen) {
        facts.options.insert(facts.options.end(), {"--listen", *options.listen});
    }
    return facts;
}

// Of the earlier image of this process where there is one.
core::result<process::warden> find_warden(inheritance& from) {
    if (from.before) {
        auto adopted = process::warden::adopt(from.before->guard);
        if (adopted) {
            process::set_descriptor_limit_of_children(from.before->descriptor_limit);
            return adopted;
        }
        // Without its pipe the old one ends what it knows of, and all begins anew.
        std::cerr << "warning: " << adopted.error().message << "; everything is started anew\n";
        process::close_everything();
        from = inheritance{};
    }
    return process::warden::start();
}

int serve(const command_options& options) {
    undo_inheritance();
    inheritance inherited = take_inheritance();
    const bool goes_on = inherited.before.has_value();
    if (!goes_on) {
        process::unblock_signals();
    }
    const auto settings = load(options);
    if (!settings) {
        return bad_configuration;
    }
    const auto raised = process::raise_descriptor_limit();
    // Before any thread exists, the log's included.
    auto guard = find_warden(inherited);
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
        daemon here(loop, *settings, source_of(options), *guard);
        here.begin_with(facts_of(options), std::move(inherited));
        // They can be heard now.
        process::unblock_signals();
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

CLI::App* add_logs_command(CLI::App& program, logs_command& asked) {
    CLI::App* logs = program.add_subcommand("logs", "Show what was kept of crashes");
    logs->add_option("--crash", asked.which,
                     "A bundle: its number in the list (1 is the newest) or its name; without one the list")
        ->expected(0, 1)
        ->required();
    logs->add_flag("--json", asked.json, "As JSON");
    logs->add_option("--state", asked.state, "The server's state directory");
    logs->add_option("--config", asked.config, "Configuration file that may name it")->capture_default_str();
    return logs;
}

// "key" with its own commands.
CLI::App* add_key_commands(CLI::App& program, key_command& asked) {
    CLI::App* keys = program.add_subcommand("key", "Make, list and remove API keys");
    keys->require_subcommand(1);
    const auto add = [&](const char* name, const char* about, key_command::action what) {
        CLI::App* one = keys->add_subcommand(name, about);
        one->parse_complete_callback([&asked, what] { asked.what = what; });
        if (what != key_command::action::list) {
            one->add_option("name", asked.name, "Whose key it is: letters, digits, '_', '.', '-'")
                ->required();
        }
        one->add_option("--file", asked.file, "The file of keys; else the one of the configuration");
        one->add_option("--config", asked.config, "Configuration file whose [access] names the file of keys")
            ->capture_default_str();
    };
    add("new", "Make a key, print it once and keep its SHA-256", key_command::action::make);
    add("list", "Print the names of the keys", key_command::action::list);
    add("remove", "Remove a key", key_command::action::remove);
    return keys;
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
    admin_command asked;
    add_admin_commands(program, asked);
    key_command keys;
    CLI::App* making = add_key_commands(program, keys);
    // Run by `serve` before an upgrade; not for people.
    CLI::App* asking = program.add_subcommand("preflight", "Say whether this program can take over");
    asking->group("");
    asking->add_option("--config", options.config)->required();
    asking->add_option("--listen", options.listen);
    asking->add_option("--handover-version", options.handover_version)->required();
    logs_command logs;
    const CLI::App* looking = add_logs_command(program, logs);
    CLI::App* versioning = program.add_subcommand("version", "Print the version");

    CLI11_PARSE(program, argc, argv);
    if (versioning->parsed()) {
        std::cout << "corral " << version << '\n';
        return succeeded;
    }
    if (!asked.verb.empty()) {
        return run_admin_command(asked, known_environment());
    }
    if (making->parsed()) {
        return run_key_command(keys);
    }
    if (asking->parsed()) {
        return preflight(options);
    }
    options.program = argv[0];
    if (looking->parsed()) {
        return run_logs_command(logs, known_environment());
    }
    return checking->parsed() ? check(options) : serve(options);
}

}  // namespace corral::app
