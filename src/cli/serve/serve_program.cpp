// What `corral serve` becomes. It knows nothing of the other commands, nor they of the daemon.

#include <chrono>
#include <csignal>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>

#include "cli/base/command_source.hpp"
#include "cli/base/failure.hpp"
#include "cli/base/terminal.hpp"
#include "cli/serve/serve_options.hpp"
#include "corral/catalog/diagnostic.hpp"
#include "corral/config/boot.hpp"
#include "corral/config/configuration_manifests.hpp"
#include "corral/core/files.hpp"
#include "corral/daemon/daemon.hpp"
#include "corral/process/own_process.hpp"
#include "corral/process/warden.hpp"
#include "corral/telemetry/log.hpp"
#include "corral/telemetry/service_notify.hpp"
#include "corral/upgrade/inheritance.hpp"
#include "corral/upgrade/launch_facts.hpp"
#include "corral/upgrade/upgrade_preflight.hpp"
#include "corral/version.hpp"

namespace corral::cli {

namespace {

struct launch {
    std::string called;  // the program of all commands, by which we were started
    std::map<std::string, std::string> environment;
    serve_options options;
};

config::configuration_source source_for(const launch& how) {
    config::configuration_source source = source_of(how.options.config, how.environment);
    source.listen = how.options.listen;
    source.is_the_servers = true;
    return source;
}

// What a parent did to its own signals and descriptors is inherited through exec
// (docs/facts/platform_traps.md#inherited-signals): with SIGCHLD ignored no child leaves a status, a blocked
// SIGTERM is never heard, and with a standard descriptor closed the log would go into whatever is opened
// next. A file that may not grow is a failed write like any other, not the end: a limit may come with the
// unit (LimitFSIZE=), and the log may be a file.
void undo_inheritance() {
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
    std::signal(SIGUSR1, SIG_IGN);  // as rotations of logs send it: there is no file to be opened anew
    std::signal(SIGCHLD, SIG_DFL);
    int lowest_free = 0;
    do {
        lowest_free = ::open("/dev/null", O_RDWR);
    } while (lowest_free >= 0 && lowest_free <= STDERR_FILENO);
    if (lowest_free >= 0) {
        ::close(lowest_free);
    }
}

int preflight(const launch& how) {
    const auto settings = load_and_tell(source_for(how));
    return settings ? upgrade::print_preflight(*settings, how.options.handover_version) : bad_configuration;
}

// A file that was not named is looked for again by the next image, as by the next start.
upgrade::launch_facts facts_of(const launch& how) {
    return {process::as_called(how.called, process::program_beside("corral")), words_of(how.options)};
}

// Of the earlier image of this process where there is one.
core::result<process::warden> find_warden(upgrade::inheritance& inherited) {
    if (inherited.before) {
        auto adopted = process::warden::adopt(inherited.before->guard);
        if (adopted) {
            process::set_descriptor_limit_of_children(inherited.before->descriptor_limit);
            return adopted;
        }
        // Without its pipe the old one ends what it knows of, and all begins anew.
        std::cerr << "warning: " << core::say("upgrade.handed-over/all-anew", adopted.error()) << '\n';
        process::close_everything();
        inherited = upgrade::inheritance{};
    }
    return process::warden::start();
}

struct boot_reading {
    std::optional<config::configuration> settings;
    std::string text;  // of the file
    bool unattended = false;
};

// A person at a terminal sees a mistake and repairs it; a box that boots is unattended.
boot_reading read_for_start(const config::configuration_source& source) {
    boot_reading out;
    out.unattended = ::isatty(STDERR_FILENO) == 0;
    // Less than what a unit gives a start; then the manager starts us anew.
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    core::file_watch file({source.file});
    bool waited = false;
    while (true) {
        config::configuration_result read =
            out.unattended ? config::load_for_boot(source) : config::load_configuration(source);
        tell(read);
        out.text = std::move(read.text);
        // An editor may have emptied the file and not written it yet.
        const bool half_written = waited && config::is_wiped(out.text);
        if (!half_written) {
            out.settings = std::move(read.value);
        }
        if (out.settings || !out.unattended || !telemetry::has_service_manager()) {
            return out;
        }
        waited = true;
        telemetry::notify_status("the configuration has a mistake; the log says which");
        while (!file.changed()) {
            if (std::chrono::steady_clock::now() > until) {
                return out;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(500));
        }
    }
}

void tell_what_is_served(const config::configuration& settings) {
    if (settings.in_place) {
        for (const catalog::diagnostic& problem : settings.in_place->problems) {
            telemetry::error(telemetry::line_id::of("configuration.stands-in"), "{}",
                             telemetry::printable(catalog::to_text(problem), 500));
        }
        const core::reason said = core::say("configuration.stands-in/served", settings.in_place->served);
        telemetry::error(said, "{} event=configuration.stands_in", said);
    }
    for (const config::left_out_manifest& one : settings.left_out) {
        for (const std::string& line : config::left_out_lines(one)) {
            telemetry::error(telemetry::line_id::of("model.left-out"), "{}", telemetry::printable(line, 500));
        }
    }
    if (settings.models.empty()) {
        telemetry::warn(core::say("configuration.no-models", settings.models_directory));
    }
}

int serve(const launch& how) {
    undo_inheritance();
    upgrade::inheritance inherited = upgrade::take_inheritance();
    const bool goes_on = inherited.before.has_value();
    if (!goes_on) {
        process::unblock_signals();
    }
    config::configuration_source source = source_for(how);
    const boot_reading read = read_for_start(source);
    if (!read.settings) {
        return bad_configuration;
    }
    const auto& settings = read.settings;
    source.waits_for_credentials = read.unattended;
    const auto raised = process::raise_descriptor_limit();
    // Before any thread exists, the log's included; the warden is born in the group that is ours.
    process::divide_own_cgroup();
    auto guard = find_warden(inherited);
    if (!guard) {
        return fail(guard.error().message);
    }
    telemetry::start_logging(settings->log_level);
    if (!raised) {
        telemetry::warn(raised.error().message);
    }
    if (const auto& refused = guard->orphans_refused()) {
        const core::reason said = core::say("daemon.orphans", *refused);
        telemetry::warn(said, "{} event=orphans.refused", said);
    }
    tell_what_is_served(*settings);
    int status = succeeded;
    {
        for (const pid_t stray : process::kill_strays(guard->token())) {
            const core::reason said = core::say("daemon.left-over", stray);
            telemetry::warn(said, "{} event=stray.killed", said);
        }
        boost::asio::io_context loop(1);
        daemon::daemon here(loop, *settings, source, *guard);
        here.begin_with(facts_of(how), std::move(inherited), read.text);
        // They can be heard now.
        process::unblock_signals();
        if (const auto opened = here.open(); !opened) {
            telemetry::error(opened.error().message);
            status = failed;
        } else {
            here.run();
        }
    }
    telemetry::stop_logging();
    return status;
}

}  // namespace

}  // namespace corral::cli

int main(int argc, char** argv) {
    using namespace corral;
    // Fixed, so that one large body does not teach the allocator to keep such sizes for ever.
    ::mallopt(M_MMAP_THRESHOLD, 128 * 1024);
    ::mallopt(M_TRIM_THRESHOLD, 256 * 1024);
    // Threads come and go, and each heap of one keeps the largest work it ever did.
    ::mallopt(M_ARENA_MAX, 2);
    cli::launch how;
    how.called = argv[0];
    how.environment = cli::known_environment();
    const cli::visible_stream out(std::cout);
    const cli::visible_stream err(std::cerr, cli::style_of(STDERR_FILENO, how.environment));
    CLI::App program{"Starts the runtimes and serves their models, for 'corral serve'.", "corral-serve"};
    program.set_version_flag("-v,--version", "corral " + std::string(version), "Print the version");
    // The first word is that of `corral`; the next image is asked by the other one before an upgrade.
    const std::string_view word = argc > 1 ? argv[1] : "";
    const bool asked = word == "preflight";
    const auto add = asked ? cli::add_preflight_options : cli::add_serve_options;
    add(program, how.options);
    const int named = asked || word == "serve" ? 1 : 0;
    try {
        program.parse(argc - named, argv + named);
    } catch (const CLI::ParseError& why) {
        const bool printed = why.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success);
        return printed ? program.exit(why)
                       : cli::fail(telemetry::printable(why.what(), 1000), cli::wrong_words);
    }
    return cli::run_told([&] { return asked ? cli::preflight(how) : cli::serve(how); });
}
