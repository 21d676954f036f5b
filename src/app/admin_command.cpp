#include "admin_command.hpp"

#include <filesystem>
#include <iostream>
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
        std::cout << status_text(answer);
    } else if (asked.verb == "reload") {
        std::cout << "reloaded; added: " << names_in(answer, "added")
                  << "; removed: " << names_in(answer, "removed")
                  << "; changed: " << names_in(answer, "changed") << '\n';
    } else {
        std::cout << names_in(answer, "models") << ": " << text_in(answer, "message") << '\n';
    }
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
    if (!asked.json) {
        print_done(asked, *answer);
    }
    return 0;
}

}  // namespace corral::app
