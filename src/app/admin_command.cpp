#include "admin_command.hpp"

#include <chrono>
#include <filesystem>
#include <iostream>
#include <optional>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>

#include "admin_client.hpp"
#include "admin_place.hpp"
#include "admin_status.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::app {

namespace {

// Above what the daemon takes for any answer.
constexpr core::seconds answer_limit{150};
constexpr core::seconds status_limit{10};
constexpr core::seconds wait_limit{3600};
// An upgrade closes the socket for as long as the new program takes to come up.
constexpr core::seconds silent_limit{60};
constexpr core::milliseconds between_looks{100};

void add_place(CLI::App& to, admin_command& asked) {
    to.add_option("--socket", asked.socket, "The daemon's admin socket");
    to.add_option("--config", asked.config, "The daemon's configuration file, to find its socket");
    to.add_flag("--json", asked.json, "Print the daemon's answer as JSON");
}

CLI::App* add_verb(CLI::App& program, admin_command& asked, const std::string& verb,
                   const std::string& about) {
    CLI::App* one = program.add_subcommand(verb, about);
    one->parse_complete_callback([&asked, verb] { asked.verb = verb; });
    add_place(*one, asked);
    return one;
}

admin_json request_of(const admin_command& asked) {
    admin_json out;
    out["verb"] = asked.verb;
    if (!asked.target.empty()) {
        out["target"] = asked.target;
    }
    if (!asked.program.empty()) {
        out["program"] = std::filesystem::absolute(asked.program).string();
    }
    if (asked.now) {
        out["now"] = true;
    }
    if (asked.wait) {
        out["wait_seconds"] = wait_limit.count();
    }
    return out;
}

void print_lines(const admin_json& answer, const char* key, const char* before) {
    const auto found = answer.find(key);
    if (found == answer.end() || !found->is_array()) {
        return;
    }
    for (const admin_json& line : *found) {
        if (line.is_string()) {
            std::cerr << before << telemetry::printable(line.get<std::string>(), 1000) << '\n';
        }
    }
}

std::string names_in(const admin_json& answer, const char* key) {
    std::string out;
    const auto found = answer.find(key);
    if (found != answer.end() && found->is_array()) {
        for (const admin_json& name : *found) {
            if (name.is_string()) {
                out += (out.empty() ? "" : ", ") + telemetry::printable(name.get<std::string>());
            }
        }
    }
    return out.empty() ? "none" : out;
}

std::string text_in(const admin_json& answer, const char* key) {
    const auto found = answer.find(key);
    return found != answer.end() && found->is_string() ? telemetry::printable(found->get<std::string>(), 2000)
                                                       : std::string();
}

void print_done(const admin_command& asked, const admin_json& answer) {
    if (asked.verb == "status") {
        std::cout << status_page(answer);
    } else if (asked.verb == "reload") {
        std::cout << "reloaded; added: " << names_in(answer, "added")
                  << "; removed: " << names_in(answer, "removed")
                  << "; changed: " << names_in(answer, "changed") << '\n';
    } else {
        std::cout << names_in(answer, "models") << ": " << text_in(answer, "message") << '\n';
    }
}

// The daemon's word on an upgrade that began `since` ago; nothing while it goes on. Its socket is gone for a
// moment in between.
std::optional<core::result<void>> upgrade_result(const core::result<admin_json>& status,
                                                 core::nanoseconds since) {
    if (!status || !status->contains("uptime_seconds") || !(*status)["uptime_seconds"].is_number()) {
        return since < silent_limit ? std::nullopt
                                    : std::optional(core::result<void>(core::make_failure(
                                          core::errc::unavailable, "the daemon does not answer any more")));
    }
    if ((*status)["uptime_seconds"].get<double>() < std::chrono::duration<double>(since).count()) {
        return core::result<void>{};
    }
    const admin_json upgrade = status->value("upgrade", admin_json::object());
    if (upgrade.is_object() && upgrade.value("under_way", admin_json(false)) == true) {
        return std::nullopt;
    }
    return core::make_failure(core::errc::refused, "nothing has changed: " + text_in(upgrade, "failure"));
}

// Waits for the new program to answer.
int see_upgrade(const std::vector<std::filesystem::path>& places) {
    const auto began = std::chrono::steady_clock::now();
    admin_json question;
    question["verb"] = "status";
    while (std::chrono::steady_clock::now() - began < wait_limit) {
        std::this_thread::sleep_for(between_looks);
        const auto status = ask_daemon(places, question, core::seconds{5});
        const auto over = upgrade_result(status, std::chrono::steady_clock::now() - began);
        if (!over) {
            continue;
        }
        if (!*over) {
            std::cerr << "error: " << telemetry::printable(over->error().message, 2000) << '\n';
            return 1;
        }
        std::cout << "upgraded: corral " << text_in(*status, "version") << " runs now\n";
        return 0;
    }
    std::cerr << "error: the upgrade still goes on; see 'corral status'\n";
    return 1;
}

}  // namespace

void add_admin_commands(CLI::App& program, admin_command& asked) {
    add_verb(program, asked, "status", "Say how the models and their services fare");
    const std::string target = "MODEL, or nothing for all";
    CLI::App* start =
        add_verb(program, asked, "start", "Start models that were stopped, or try broken ones again now");
    start->add_option("model", asked.target, target);
    start->add_flag("--wait", asked.wait, "Return when they are ready, or can't be");
    CLI::App* stop =
        add_verb(program, asked, "stop", "Stop models after their running answer; they stay stopped");
    stop->add_option("model", asked.target, target);
    stop->add_flag("--now", asked.now, "Cut the running answer");
    stop->add_flag("--wait", asked.wait, "Wait for the running answer, however long it takes");
    CLI::App* restart =
        add_verb(program, asked, "restart", "Kill and start services; running answers are cut");
    restart->add_option("model", asked.target, "MODEL or MODEL/SERVICE, or nothing for all");
    add_verb(program, asked, "reload", "Read the configuration file again; a bad one changes nothing");
    CLI::App* upgrade = add_verb(program, asked, "upgrade",
                                 "Go on as a new program file with the models loaded; answers end before");
    upgrade->add_option("program", asked.program,
                        "The new program; else the one that runs, read anew from its place");
}

int run_admin_command(const admin_command& asked, const std::map<std::string, std::string>& environment) {
    const std::vector<std::filesystem::path> places = asked.socket.empty()
                                                          ? admin_socket_candidates(asked.config, environment)
                                                          : std::vector<std::filesystem::path>{asked.socket};
    const core::seconds usual = asked.verb == "status" ? status_limit : answer_limit;
    const auto answer = ask_daemon(places, request_of(asked), asked.wait ? wait_limit + usual : usual);
    if (!answer) {
        std::cerr << "error: " << answer.error().message << '\n';
        return 1;
    }
    const bool good = answer->value("ok", admin_json(false)) == true;
    if (asked.json) {
        std::cout << answer->dump(2, ' ', false, admin_json::error_handler_t::replace) << '\n';
    }
    print_lines(*answer, "warnings", "warning: ");
    print_lines(*answer, "errors", "error: ");
    if (!good) {
        std::cerr << "error: " << text_in(*answer, "error") << '\n';
        return 1;
    }
    if (asked.verb == "upgrade") {
        return see_upgrade(places);
    }
    if (!asked.json) {
        print_done(asked, *answer);
    }
    return 0;
}

}  // namespace corral::app
