// corral logs --crash [N|NAME]: what the black box has kept, for people or as JSON. Reads files, so the server need not
// run; one that does tells what it could not write. Without --crash: what services printed last, from the daemon.

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/base/command.hpp"
#include "cli/base/daemon_place.hpp"
#include "cli/base/log_text.hpp"
#include "cli/base/reported_fields.hpp"
#include "cli/base/terminal.hpp"
#include "corral/config/server_places.hpp"
#include "corral/control/admin_client.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/say.hpp"
#include "corral/telemetry/crash_store.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

struct logs_command {
    std::string target;  // MODEL, MODEL/SERVICE, SERVICE or corral; empty: all
    bool follow = false;
    std::int64_t lines = 100;
    bool crash = false;
    std::string which;  // of crashes: a number, 1 being the newest, or a name; empty: the list
    bool json = false;
    std::optional<std::string> state;  // the state directory; else the configuration names it, else the
                                       // environment, else systemd's usual one
    daemon_place place;
};

namespace fs = std::filesystem;
using json = nlohmann::ordered_json;

// Null when it is no JSON. Much deeper than ours it is not looked into.
json parsed(const std::string& text) {
    constexpr int deepest = 16;
    json out = json::parse(
        text, [](int depth, json::parse_event_t, json&) { return depth <= deepest; }, false);
    return out.is_discarded() ? json() : out;
}

// Of the Corral that keeps its bundles there, if one runs: why it could not write the last one; empty: it could.
std::string lost_bundle(const logs_command& asked, const fs::path& folder,
                        const std::map<std::string, std::string>& environment) {
    constexpr core::seconds longest{3};
    const auto status = control::ask_daemon(sockets_of(asked.place, environment), {}, longest);
    const std::string state = status ? reported_text(*status, "state_directory") : std::string();
    const bool same =
        !state.empty() && config::crash_folder(state).lexically_normal() == folder.lexically_normal();
    return same ? reported_text(*status, "lost_bundle") : std::string();
}

int show_list(const fs::path& folder, bool as_json, const std::string& lost,
              const std::map<std::string, std::string>& environment) {
    if (!lost.empty()) {
        std::cerr << "warning: " << core::say("command.bundle/lost", lost) << '\n';
    }
    const auto known = telemetry::summarise_crashes(folder);
    const json all = known ? *known : json::array();
    if (as_json) {
        std::cout << all.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
    } else if (all.empty() && lost.empty()) {
        std::cout << "Nothing is kept in " << folder.string() << ".\n";
    } else if (!all.empty()) {
        std::cout << wrapped(list_text(all), style_of(STDOUT_FILENO, environment))
                  << "\nSee one with 'corral logs --crash N'.\n";
    }
    return 0;
}

// The name that is meant; empty: none.
std::string chosen(const std::vector<std::string>& names, const std::string& which) {
    std::size_t number = 0;
    const auto read = std::from_chars(which.data(), which.data() + which.size(), number);
    if (read.ec == std::errc{} && read.ptr == which.data() + which.size()) {
        return number >= 1 && number <= names.size() ? names[number - 1] : std::string();
    }
    for (const std::string& name : names) {
        if (name == which || name == which + ".json") {
            return name;
        }
    }
    return {};
}

int show_one(const fs::path& folder, const std::string& name, bool as_json, const text_style& style) {
    const auto text = telemetry::read_crash(folder, name);
    if (!text) {
        return fail(text.error().message);
    }
    if (as_json) {
        std::cout << *text;
        return 0;
    }
    const json bundle = parsed(*text);
    if (!bundle.is_object()) {
        return fail(core::say("command.bundle/damaged-file", folder / name));
    }
    std::cout << (folder / name).string() << "\n\n" << wrapped(bundle_text(bundle), style);
    return 0;
}

// Above the daemon's sign of life.
constexpr core::seconds longest_silence{60};

int show_crashes(const logs_command& asked, const std::map<std::string, std::string>& environment) {
    std::optional<std::string> state = asked.state;
    if (!state && !asked.place.socket.empty()) {
        const std::vector<fs::path> at{asked.place.socket};
        const auto status = control::ask_daemon(at, {}, core::seconds{10});
        if (!status) {
            return fail_to_ask(status.error(), asked.place, at);
        }
        state = reported_text(*status, "state_directory");
        if (state->empty()) {
            return fail(core::say("command.bundle/no-state", asked.place.socket));
        }
    }
    const fs::path folder = state ? config::crash_folder(*state) : crashes_of(asked.place, environment);
    const auto names = telemetry::list_crashes(folder);
    if (!names) {
        return fail(core::say("command.bundle/other-user", names.error()));
    }
    if (asked.which.empty()) {
        return show_list(folder, asked.json, lost_bundle(asked, folder, environment), environment);
    }
    const std::string name = chosen(*names, asked.which);
    if (name.empty()) {
        if (names->empty()) {
            const std::string lost = lost_bundle(asked, folder, environment);
            return fail(lost.empty() ? core::say("command.bundle/none", folder)
                                     : core::say("command.bundle/lost", lost));
        }
        return fail(core::say("command.bundle/which", asked.which,
                              names->size() == 1 ? "1 is" : fmt::format("{} are", names->size()), folder));
    }
    return show_one(folder, name, asked.json, style_of(STDOUT_FILENO, environment));
}

void print_line(std::string_view event, const json& data, bool as_json, const text_style& style,
                const text_style& aside) {
    if (const std::optional<json> line = log_line_of(event, data)) {
        std::cout << (as_json ? line->dump(-1, ' ', false, json::error_handler_t::replace) + "\n"
                              : wrapped(log_line_text(*line, style), style))
                  << std::flush;
    } else if (event == "routine" && data.is_object() && !as_json) {
        std::cerr << painted(routine_text(data), colour::faint, aside);
    }
}

constexpr core::seconds longest_absence{10};
constexpr core::milliseconds between_tries{100};
constexpr std::int64_t most_missed = 1000;

// What was shown before a connection ended comes again on the next.
class shown_lines {
public:
    void on_connection_lost() noexcept { again_ = !newest_.empty(); }
    [[nodiscard]] bool has(const json& line) {
        const std::string time = core::text_at(line, "time");
        again_ = again_ && time <= newest_;
        if (!again_) {
            newest_ = std::max(newest_, time);
        }
        return again_;
    }

private:
    std::string newest_;
    bool again_ = false;
};

int show_lines(const logs_command& asked, const std::map<std::string, std::string>& environment) {
    const text_style style = style_of(STDOUT_FILENO, environment);
    const text_style aside = style_of(STDERR_FILENO, environment);
    std::string refused;
    bool heard = false;
    shown_lines shown;
    const auto take = [&](std::string_view event, const json& data) {
        if (event == "refused") {
            const std::string why = core::text_at(data, "error");
            refused = why.empty() ? core::say("command.asks-daemon/refuses").text()
                                  : telemetry::printable(why, 2000);
            return false;
        }
        heard = true;
        if (event != "line" || !shown.has(data)) {
            print_line(event, data, asked.json, style, aside);
        }
        return std::cout.good();
    };
    const auto places = sockets_of(asked.place, environment);
    if (const auto right = check_daemon(asked.place, places); !right) {
        return fail_to_ask(right.error(), asked.place, places);
    }
    std::int64_t lines = asked.lines;
    std::optional<core::deadline> patience;  // with one that went
    while (true) {
        const auto followed = control::follow_daemon(places, log_path(asked.target, lines, asked.follow),
                                                     longest_silence, take);
        const bool served = refused.empty() && (heard || followed);
        if (!std::cout.good() || (!asked.follow && followed && refused.empty())) {
            return 0;
        }
        if (!asked.follow || (!served && !patience)) {
            return refused.empty() ? fail_to_ask(followed.error(), asked.place, places) : fail(refused);
        }
        if (served) {  // an upgrade ends it too, and is over in some tenths of a second
            std::cerr << core::say("command.asks-daemon/again").text() << '\n';
            patience = core::deadline::after(longest_absence, std::chrono::steady_clock::now());
            shown.on_connection_lost();
            lines = most_missed;
        } else if (patience->passed(std::chrono::steady_clock::now())) {
            return fail(refused.empty() ? core::say("command.asks-daemon/ended").text() : refused);
        }
        heard = false;
        refused.clear();
        std::this_thread::sleep_for(between_tries);
    }
}

// The exit status of the program. `environment` is as for usual_state_directory().
int run_logs_command(const logs_command& asked, const std::map<std::string, std::string>& environment) {
    return asked.crash ? show_crashes(asked, environment) : show_lines(asked, environment);
}

}  // namespace

void add_logs_command(CLI::App& program, command_context& context) {
    auto asked = std::make_shared<logs_command>();
    CLI::App* logs = program.add_subcommand("logs", "Show the last log lines of services, or crash bundles");
    logs->add_option("service", asked->target,
                     "MODEL, MODEL/SERVICE, a service name that only one model has, or 'corral' for its own "
                     "log; default: all")
        ->type_name("SERVICE");
    logs->add_flag("-f,--follow", asked->follow, "Follow new lines until Ctrl-C");
    logs->add_option("-n,--lines", asked->lines, "Number of lines")
        ->check(CLI::Range(0, 10000).description(""))
        ->type_name("N")
        ->capture_default_str();
    const CLI::Option* crash = logs->add_option("--crash", asked->which,
                                                "Show a crash bundle by its number in the list (1 is the "
                                                "newest) or its name; without BUNDLE, list them")
                                   ->expected(0, 1)
                                   ->type_name("BUNDLE");
    logs->add_flag("--json", asked->json, "Print JSON, one object per log line");
    logs->add_option("--state", asked->state, "State directory to read --crash bundles from")
        ->type_name("DIR");
    add_daemon_options(*logs, asked->place);
    logs->parse_complete_callback([asked, crash, &context] {
        asked->crash = crash->count() > 0;
        context.run = [asked, &context] { return run_logs_command(*asked, context.environment); };
    });
}

}  // namespace corral::cli
