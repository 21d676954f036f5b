// corral fleet sync: HAProxy is kept right while boxes and their models come and go.

#include <chrono>
#include <csignal>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>

#include <unistd.h>
#include <CLI/CLI.hpp>

#include "cli/fleet_command.hpp"
#include "cli/fleet_keeper.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

constexpr unsigned most_seconds = 3'600;
constexpr core::seconds patience{1};        // with slow boxes, for the sake of the others
constexpr core::seconds patience_once{60};  // beyond the longest question to a box

struct sync_options {
    std::string file;
    unsigned interval = 2;  // seconds
    bool once = false;
};

// A little longer or shorter each time, so that several of these do not ask together.
void rest(core::seconds span) {
    static std::minstd_rand random{std::random_device{}()};
    constexpr double spread = 0.2;
    std::this_thread::sleep_for(std::chrono::duration<double>(span) *
                                std::uniform_real_distribution(1 - spread, 1 + spread)(random));
}

int sync_once(fleet_keeper& keeper) {
    constexpr unsigned most_rounds = 20;
    for (unsigned i = 0; i < most_rounds; ++i) {
        const round_end end = keeper.round(patience_once);
        if (!end.asked) {
            return failed;
        }
        if (end.settled) {
            return end.all_answer && end.complete ? succeeded : failed;
        }
    }
    return failed;
}

int sync_fleet(const sync_options& asked) {
    auto read = boxes_of(asked.file);
    if (!read) {
        return bad_configuration;
    }
    // Each command to HAProxy is whole in itself, and nothing is kept here: there is nothing to put in order.
    for (const int signal : {SIGTERM, SIGINT}) {
        std::signal(signal, [](int) { ::_exit(0); });
    }
    const std::size_t count = read->boxes.size();
    const bool finds = read->discover.has_value();
    fleet_keeper keeper(*std::move(read), asked.file, core::seconds(asked.interval));
    if (asked.once) {
        return sync_once(keeper);
    }
    if (const auto opened = keeper.open(); !opened) {
        return fail(opened.error().message);
    }
    telemetry::log().info("keeping HAProxy right for {} boxes{} event=fleet.begins", count,
                          finds ? " and those that are found" : "");
    while (true) {
        (void)keeper.round(patience);  // what went wrong is in the log
        rest(core::seconds(asked.interval));
    }
}

}  // namespace

void add_fleet_sync(CLI::App& fleet, command_context& context) {
    auto asked = std::make_shared<sync_options>();
    CLI::App* one = fleet.add_subcommand(
        "sync", "Keep HAProxy right while boxes and models come and go; until it is ended by a signal");
    one->add_option("file", asked->file, "The list of boxes, such as boxes.toml; it may change meanwhile")
        ->required()
        ->type_name("FILE");
    one->add_option("--interval", asked->interval, "Seconds between two looks; else 2")
        ->check(CLI::Range(1U, most_seconds))
        ->type_name("SECONDS");
    one->add_flag("--once", asked->once,
                  "Return when nothing is left to be done; status 1 where a box or HAProxy did not answer, "
                  "or something "
                  "needs a new configuration");
    one->parse_complete_callback([asked, &context] { context.run = [asked] { return sync_fleet(*asked); }; });
}

}  // namespace corral::cli
