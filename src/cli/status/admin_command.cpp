#include "cli/status/admin_command.hpp"

#include <chrono>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include <poll.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include "cli/base/command.hpp"
#include "cli/base/reported_fields.hpp"
#include "cli/base/terminal.hpp"
#include "cli/status/status_page.hpp"
#include "corral/control/admin_client.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/owned_fd.hpp"
#include "corral/core/say.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

// Above what the daemon takes for any answer.
constexpr core::seconds answer_limit{150};
constexpr core::seconds status_limit{10};
constexpr core::seconds wait_limit{3600};
constexpr core::seconds usual_stop_wait{120};  // one that takes longer goes on
// An upgrade closes the socket for as long as the new program takes to come up.
constexpr core::seconds silent_limit{60};
constexpr core::milliseconds between_looks{100};

control::admin_question request_of(const admin_command& command) {
    control::admin_question out = question_of(command.verb, command.target);
    if (!command.program.empty()) {
        out.body["program"] = std::filesystem::absolute(command.program).string();
    }
    if (command.now) {
        out.body["now"] = true;
    }
    if (command.allow_empty) {
        out.body["allow_empty"] = true;
    }
    if (command.wait || command.verb == "stop") {
        out.body["wait_seconds"] = (command.wait ? wait_limit : usual_stop_wait).count();
    }
    return out;
}

void print_lines(const control::admin_json& answer, const char* key, const char* before) {
    for (const control::admin_json& line : core::list_at(answer, key)) {
        if (line.is_string()) {
            std::cerr << before << telemetry::printable(line.get<std::string>(), 1000) << '\n';
        }
    }
}

std::string names_in(const control::admin_json& answer, const char* key) {
    const std::string out = reported_words(answer, key);
    return out.empty() ? "none" : out;
}

void print_reloaded(const control::admin_json& answer) {
    std::cout << "reloaded; added: " << names_in(answer, "added")
              << "; removed: " << names_in(answer, "removed") << "; changed: " << names_in(answer, "changed")
              << '\n';
}

// What goes to standard error, whatever else is printed.
void print_complaints(const control::admin_json& answer) {
    print_lines(answer, "warnings", "warning: ");
    print_lines(answer, "left_out", "left out: ");
    print_lines(answer, "errors", "error: ");
}

void print_done(const admin_command& command, const control::admin_json& answer, const text_style& style) {
    if (command.verb == "status") {
        std::cout << wrapped(status_page(answer, style, command.whole), style);
    } else if (command.verb == "reload") {
        print_reloaded(answer);
    } else if (!answer.contains("models")) {
        std::cout << wrapped(reported_text(answer, "message") + '\n', style);
    } else if (reported_words(answer, "models").empty()) {
        std::cout << "there is no model: 'corral pull NAME' or 'corral import FOLDER' adds one\n";
    } else {
        std::cout << names_in(answer, "models") << ": " << reported_text(answer, "message") << '\n';
    }
}

// The daemon's word on an upgrade that began `since` ago; nothing while it goes on. Its socket is gone for a
// moment in between.
std::optional<core::result<void>> upgrade_result(const core::result<control::admin_json>& status,
                                                 core::nanoseconds since) {
    if (!status || !status->contains("uptime_seconds") || !(*status)["uptime_seconds"].is_number()) {
        return since < silent_limit
                   ? std::nullopt
                   : std::optional(core::result<void>(core::make_failure(
                         core::errc::unavailable, core::say("command.asks-daemon/daemon-answer"))));
    }
    if ((*status)["uptime_seconds"].get<double>() < std::chrono::duration<double>(since).count()) {
        return core::result<void>{};
    }
    const control::admin_json upgrade = status->value("upgrade", control::admin_json::object());
    if (upgrade.is_object() && upgrade.value("under_way", control::admin_json(false)) == true) {
        return std::nullopt;
    }
    return core::make_failure(core::errc::refused, core::say("command.asks-daemon/nothing-changed",
                                                             reported_text(upgrade, "failure")));
}

// True when the process behind it has ended, at once or within `limit`.
bool has_ended(const core::owned_fd& daemon, core::milliseconds limit) {
    if (!daemon.valid()) {
        std::this_thread::sleep_for(limit);
        return false;
    }
    pollfd end{daemon.get(), POLLIN, 0};
    return ::poll(&end, 1, static_cast<int>(limit.count())) > 0;
}

// Waits for the new program to answer, in the very process of the old one.
int see_upgrade(const std::vector<std::filesystem::path>& places, const core::owned_fd& daemon,
                bool as_json) {
    const auto began = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - began < wait_limit) {
        if (has_ended(daemon, between_looks)) {
            return fail(core::say("upgrade.watching/ended"));
        }
        const auto status = control::ask_daemon(places, {}, core::seconds{5});
        const auto over = upgrade_result(status, std::chrono::steady_clock::now() - began);
        if (!over) {
            continue;
        }
        if (!*over) {
            return fail(telemetry::printable(over->error().message, 2000));
        }
        if (as_json) {
            const control::admin_json report = {{"ok", true}, {"version", reported_text(*status, "version")}};
            std::cout << report.dump(2) << '\n';
        } else {
            std::cout << "upgraded: corral " << reported_text(*status, "version") << " runs now\n";
        }
        return 0;
    }
    return fail(core::say("upgrade.watching/goes-on"));
}

// A command and what it asks for; the caller adds what is its own.
struct added_verb {
    CLI::App* command = nullptr;
    std::shared_ptr<admin_command> asked;
};

added_verb add_verb(CLI::App& program, command_context& context, const std::string& verb,
                    const std::string& about) {
    auto asked = std::make_shared<admin_command>();
    asked->verb = verb;
    CLI::App* one = program.add_subcommand(verb, about);
    add_daemon_options(*one, asked->place);
    one->add_flag("--json", asked->json, "Print the daemon's answer as JSON");
    one->parse_complete_callback([asked, &context] {
        context.run = [asked, &context] { return run_admin_command(*asked, context.environment); };
    });
    return {one, asked};
}

constexpr const char* target_text = "Model; default: all";

// One that is there and empty is no word for all.
void add_target(CLI::App& command, admin_command& asked, const char* about, const char* type) {
    command.add_option("model", asked.target, about)->type_name(type)->check([](const std::string& name) {
        return name.empty() ? core::say("command.empty-name").text() : std::string();
    });
}

}  // namespace

void add_status_command(CLI::App& program, command_context& context) {
    const auto [command, asked] =
        add_verb(program, context, "status", "Show the state of the models and their services");
    command->add_flag("-l,--long", asked->whole,
                      "Also show services, memory and cache reuse of healthy models");
    command->add_flag("-w,--watch", asked->watch, "Refresh until nothing is loading, or Ctrl-C");
    add_remote_options(*command, asked->elsewhere);
}

void add_start_command(CLI::App& program, command_context& context) {
    const auto [command, asked] =
        add_verb(program, context, "start", "Start stopped models, or retry broken ones now");
    add_target(*command, *asked, target_text, "MODEL");
    command->add_flag("--wait", asked->wait, "Wait until they are ready or have failed");
    add_remote_options(*command, asked->elsewhere);
}

void add_stop_command(CLI::App& program, command_context& context) {
    const auto [command, asked] =
        add_verb(program, context, "stop", "Stop models once running answers finish; they stay stopped");
    add_target(*command, *asked, target_text, "MODEL");
    command->add_flag("--now", asked->now, "Cut running answers off");
    command->add_flag("-y,--yes", asked->yes, "Don't ask for confirmation before stopping all models");
    command->add_flag("--wait", asked->wait, "Wait for running answers, however long they take");
    add_remote_options(*command, asked->elsewhere);
}

void add_restart_command(CLI::App& program, command_context& context) {
    const auto [command, asked] =
        add_verb(program, context, "restart", "Kill and restart services; running answers are cut off");
    add_target(*command, *asked, "MODEL or MODEL/SERVICE; default: all", "SERVICE");
    command->add_flag("-y,--yes", asked->yes, "Don't ask for confirmation before restarting all");
    command->add_flag("--wait", asked->wait, "Wait until they are ready again or have failed");
    add_remote_options(*command, asked->elsewhere);
}

void add_reload_command(CLI::App& program, command_context& context) {
    const auto [command, asked] =
        add_verb(program, context, "reload", "Reload the configuration; an invalid one changes nothing");
    command->add_flag("--allow-empty", asked->allow_empty,
                      "Accept a configuration that is empty or has no models left");
}

void add_upgrade_command(CLI::App& program, command_context& context) {
    const auto [command, asked] =
        add_verb(program, context, "upgrade",
                 "Switch to a new program with the models kept loaded, once running answers finish");
    command->add_option("program", asked->program, "New program; default: the running one's path")
        ->type_name("FILE");
}

void add_drain_command(CLI::App& program, command_context& context) {
    const auto [command, asked] = add_verb(
        program, context, "drain", "Tell load balancers to send no more requests; models stay loaded");
    command->add_flag("--wait", asked->wait, "Wait until no request is running or queued");
    add_remote_options(*command, asked->elsewhere);
}

void add_undrain_command(CLI::App& program, command_context& context) {
    const auto [command, asked] =
        add_verb(program, context, "undrain", "Tell load balancers to send requests again");
    add_remote_options(*command, asked->elsewhere);
}

void add_ui_command(CLI::App& program, command_context& context) {
    static_cast<void>(
        add_verb(program, context, "ui",
                 "Print a link that opens the web page on this machine; valid once, for ten minutes"));
}

bool tell_reload(const control::admin_json& answer) {
    print_complaints(answer);
    if (answer.value("ok", control::admin_json(false)) != true) {
        (void)fail(reported_text(answer, "error"));
        return false;
    }
    print_reloaded(answer);
    return true;
}

namespace {

int run_elsewhere(const admin_command& command, const std::map<std::string, std::string>& environment) {
    const auto answer = ask_remote(command.elsewhere, command.verb, command.target, environment);
    if (!answer) {
        return fail(answer.error().message);
    }
    if (command.json) {
        std::cout << answer->dump(2, ' ', false, control::admin_json::error_handler_t::replace) << '\n';
    } else {
        print_done(command, *answer, style_of(STDOUT_FILENO, environment));
    }
    return 0;
}

// A person who types no name may have forgotten it.
bool means_all(const admin_command& command) {
    const bool harms = command.verb == "stop" || command.verb == "restart";
    if (!harms || !command.target.empty() || command.yes || ::isatty(STDIN_FILENO) == 0) {
        return true;
    }
    return is_agreed(command.verb == "stop" ? "Stop all models?" : "Restart all services of all models?");
}

}  // namespace

int run_admin_command(const admin_command& command, const std::map<std::string, std::string>& environment) {
    if (!command.elsewhere.url.empty()) {
        return run_elsewhere(command, environment);
    }
    const std::vector<std::filesystem::path> places = sockets_of(command.place, environment);
    const text_style style = style_of(STDOUT_FILENO, environment);
    if (const auto right = check_daemon(command.place, places); !right) {
        return fail_to_ask(right.error(), command.place, places);
    }
    if (!means_all(command)) {
        return failed;
    }
    if (command.watch) {
        return watch_status(places, command.json, style);
    }
    const core::owned_fd daemon =
        command.verb == "upgrade" ? control::process_of_daemon(places) : core::owned_fd();
    const core::seconds usual = command.verb == "status" ? status_limit : answer_limit;
    const auto answer = command.wait ? ask_with_bars(places, request_of(command), wait_limit + usual,
                                                     style_of(STDERR_FILENO, environment))
                                     : control::ask_daemon(places, request_of(command), usual);
    if (!answer) {
        return fail_to_ask(answer.error(), command.place, places);
    }
    const bool good = answer->value("ok", control::admin_json(false)) == true;
    const bool goes_on = good && command.verb == "upgrade";
    if (command.json && !goes_on) {
        control::admin_json shown = *answer;
        if (!good) {
            shown["status"] = static_cast<int>(failed);
        }
        std::cout << shown.dump(2, ' ', false, control::admin_json::error_handler_t::replace) << '\n';
    }
    if (command.json && !good) {
        return failed;  // the answer says why
    }
    if (command.verb != "status") {
        print_complaints(*answer);
    }
    if (!good) {
        return fail(reported_text(*answer, "error"));
    }
    if (goes_on) {
        return see_upgrade(places, daemon, command.json);
    }
    if (!command.json) {
        print_done(command, *answer, style);
    }
    return 0;
}

}  // namespace corral::cli
