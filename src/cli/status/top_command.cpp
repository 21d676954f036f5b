// corral top: the box on one screen, drawn again each second.

#include "cli/status/top_command.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <iostream>
#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include "cli/base/command.hpp"
#include "cli/base/daemon_place.hpp"
#include "cli/base/remote_server.hpp"
#include "cli/base/reported_fields.hpp"
#include "cli/status/status_page.hpp"
#include "corral/control/admin_client.hpp"
#include "corral/core/json_members.hpp"

namespace corral::cli {

namespace {

using json = nlohmann::ordered_json;

constexpr std::size_t most_requests = 8;
constexpr std::size_t most_incidents = 3;

using row = std::vector<std::string>;

// Columns as wide as their widest word; the head is faint.
std::string table(const std::vector<row>& rows, const text_style& style) {
    std::vector<std::size_t> widths;
    for (const row& each : rows) {
        widths.resize(std::max(widths.size(), each.size()));
        for (std::size_t i = 0; i < each.size(); ++i) {
            widths[i] = std::max<std::size_t>(widths[i], columns_of(each[i]));
        }
    }
    std::string out;
    for (std::size_t r = 0; r < rows.size(); ++r) {
        std::string line;
        for (std::size_t i = 0; i < rows[r].size(); ++i) {
            const std::size_t pad = i + 1 < rows[r].size() ? widths[i] - columns_of(rows[r][i]) + 2 : 0;
            line += rows[r][i] + std::string(pad, ' ');
        }
        out += (r == 0 ? painted(line, colour::faint, style) : line) + '\n';
    }
    return rows.size() > 1 ? out + '\n' : std::string();
}

const json& object_at(const json& object, const char* key) {
    static const json none = json::object();
    const json* const found = core::member(object, key);
    return found != nullptr && found->is_object() ? *found : none;
}

std::string rate_of(const json& model) {
    const double rate = reported_amount(model, "tokens_per_second");
    return rate > 0 ? fmt::format("{:.1f}", rate) : std::string();
}

// Zeros are left out.
std::string count_of(const json& queue, const char* key) {
    const double count = reported_amount(queue, key);
    return count > 0 ? fmt::format("{:.0f}", count) : std::string();
}

// Of one that holds them: one that is not loaded may come to others.
std::string cards_of(const json& processes) {
    std::string out;
    const std::string state = reported_text(processes, "state");
    if (state != "ready" && state != "loading" && state != "stopping") {
        return out;
    }
    for (const json& card : core::list_at(object_at(processes, "memory"), "cards")) {
        out += (out.empty() ? "" : ",") + (card.is_number() ? card.dump() : std::string("?"));
    }
    return out;
}

std::string state_of(const json& processes, const text_style& style) {
    const std::string state = reported_text(processes, "state");
    const bool loads =
        reported_number(processes, "progress_percent") || reported_number(processes, "left_seconds");
    return state_text(state, style) + (loads ? " " + load_bar(reported_number(processes, "progress_percent"),
                                                              reported_number(processes, "left_seconds"), 0)
                                             : std::string());
}

std::string models_text(const json& status, const text_style& style) {
    std::vector<row> rows{{"MODEL", "STATE", "CARDS", "RUN", "WAIT", "TOKENS/S"}};
    for (const json& model : reported_objects(status, "models")) {
        const json& queue = object_at(model, "queue");
        rows.push_back({painted(reported_text(model, "name"), colour::bold, style), state_of(model, style),
                        cards_of(model), count_of(queue, "running"), count_of(queue, "waiting"),
                        rate_of(model)});
        for (const json& one : reported_objects(model, "instances")) {
            rows.push_back({"  " + reported_text(one, "name"), state_of(one, style), cards_of(one), "", "",
                            rate_of(one)});
        }
    }
    return table(rows, style);
}

std::string more_text(std::size_t shown, std::size_t all) {
    return all > shown ? fmt::format("and {} more\n\n", all - shown) : std::string();
}

std::string requests_text(const json& requests, const text_style& style) {
    std::vector<row> rows{{"REQUEST", "MODEL", "", ""}};
    const std::vector<json> running = reported_objects(requests, "running");
    const std::vector<json> waiting = reported_objects(requests, "waiting");
    for (const json& one : running) {
        if (rows.size() <= most_requests) {
            const double pieces = reported_amount(one, "pieces");
            rows.push_back({reported_text(one, "id"), reported_text(one, "model"), "runs",
                            fmt::format("{:.0f} piece{}", pieces, pieces == 1 ? "" : "s")});
        }
    }
    for (const json& one : waiting) {
        if (rows.size() <= most_requests) {
            const auto left = reported_number(one, "estimate_seconds");
            const double before = reported_amount(one, "position");
            rows.push_back({reported_text(one, "id"), reported_text(one, "model"),
                            before > 0 ? fmt::format("behind {:.0f}", before) : std::string("next"),
                            "waits for " + span_text(reported_amount(one, "waited_seconds")) +
                                (left ? ", turn in about " + span_text(*left) : std::string())});
        }
    }
    return table(rows, style) + more_text(rows.size() - 1, running.size() + waiting.size());
}

std::string cards_text(const json& status, const text_style& style) {
    std::vector<row> rows{{"CARD", "", "MEMORY", "NPU", "TEMPERATURE"}};
    for (const json& tool : reported_objects(status, "devices")) {
        for (const json& card : reported_objects(tool, "cards")) {
            const auto figure = [&](const char* key, const char* unit) {
                const auto value = reported_number(card, key);
                return value ? fmt::format("{:.0f}{}", *value, unit) : std::string("-");
            };
            rows.push_back({figure("card", ""), reported_text(card, "name"),
                            figure("memory_used_mb", " of ") + figure("memory_total_mb", " MB"),
                            figure("npu_percent", " %"), figure("temperature_c", " C")});
        }
    }
    return table(rows, style);
}

std::string incidents_text(const json& incidents, const text_style& style) {
    std::vector<row> rows{{"INCIDENT", "MODEL", ""}};
    for (const json& one : incidents.is_array() ? incidents : json::array()) {
        if (one.is_object() && rows.size() <= most_incidents) {
            rows.push_back(
                {reported_text(one, "time"), reported_text(one, "model"), reported_text(one, "sentence")});
        }
    }
    return table(rows, style);
}

using control::admin_json;

constexpr core::seconds answer_limit{10};
constexpr int between_looks_ms = 1000;
constexpr char interrupt = '\x03';

struct top_options {
    daemon_place place;
    remote_box elsewhere;
};

struct sight {
    admin_json status;
    admin_json requests;
    admin_json incidents = admin_json::array();
};

core::result<sight> look(const top_options& asked, const command_context& context) {
    sight out;
    for (const auto& [verb, to] : {std::pair("status", &out.status), std::pair("requests", &out.requests),
                                   std::pair("incidents", &out.incidents)}) {
        auto reply = asked.elsewhere.url.empty()
                         ? control::ask_daemon(sockets_of(asked.place, context.environment),
                                               question_of(verb, {}), answer_limit)
                         : ask_remote(asked.elsewhere, verb, {}, context.environment);
        if (!reply) {
            return reply.error();
        }
        *to = *std::move(reply);
    }
    out.incidents = core::list_at(out.incidents, "incidents");
    return out;
}

volatile std::sig_atomic_t ended = 0;

void on_end(int) {
    ended = 1;
}

// Keys come one by one and unseen, on a screen of its own, until it goes.
class whole_screen {
public:
    whole_screen() {
        struct sigaction how {};
        how.sa_handler = on_end;
        for (const int one : {SIGINT, SIGTERM, SIGHUP}) {
            (void)::sigaction(one, &how, nullptr);
        }
        if (::tcgetattr(STDIN_FILENO, &before_) == 0) {
            termios now = before_;
            now.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
            changed_ = ::tcsetattr(STDIN_FILENO, TCSADRAIN, &now) == 0;
        }
        write_raw(STDOUT_FILENO, "\x1b[?1049h\x1b[?25l");
    }
    whole_screen(const whole_screen&) = delete;
    whole_screen& operator=(const whole_screen&) = delete;
    ~whole_screen() {
        write_raw(STDOUT_FILENO, "\x1b[?25h\x1b[?1049l");
        if (changed_) {
            ::tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
        }
    }

    static void draw(const std::string& text, const text_style& style) {
        write_raw(STDOUT_FILENO, "\x1b[H\x1b[J" + cut_to(text, style.columns));
    }
    // True once its reader wants to leave.
    [[nodiscard]] static bool left() {
        pollfd keys{STDIN_FILENO, POLLIN, 0};
        if (::poll(&keys, 1, between_looks_ms) <= 0) {
            return ended != 0;
        }
        char key = 0;
        const ssize_t got = ::read(STDIN_FILENO, &key, 1);
        return ended != 0 || got <= 0 || key == 'q' || key == 'Q' || key == interrupt;
    }

private:
    termios before_{};
    bool changed_ = false;
};

int top(const top_options& asked, const command_context& context) {
    if (asked.elsewhere.url.empty()) {
        const auto places = sockets_of(asked.place, context.environment);
        if (const auto right = check_daemon(asked.place, places); !right) {
            return fail_to_ask(right.error(), asked.place, places);
        }
    }
    auto seen = look(asked, context);
    if (!seen) {
        return asked.elsewhere.url.empty()
                   ? fail_to_ask(seen.error(), asked.place, sockets_of(asked.place, context.environment))
                   : fail(seen.error().message);
    }
    text_style style = style_of(STDOUT_FILENO, context.environment);
    const auto page = [&] { return top_page(seen->status, seen->requests, seen->incidents, style); };
    if (!style.live || ::isatty(STDIN_FILENO) != 1) {
        std::cout << page();
        return succeeded;
    }
    {
        const whole_screen screen;
        do {
            style = style_of(STDOUT_FILENO, context.environment);  // its window may have another size
            whole_screen::draw(page() + painted("q leaves", colour::faint, style) + "\n", style);
            if (whole_screen::left()) {
                return succeeded;
            }
            seen = look(asked, context);
        } while (seen);
    }
    return fail(seen.error().message);
}

}  // namespace

std::string top_page(const json& status, const json& requests, const json& incidents,
                     const text_style& style) {
    const json& queue = object_at(status, "queue");
    double rate = 0;
    for (const json& model : reported_objects(status, "models")) {
        rate += reported_amount(model, "tokens_per_second");
    }
    std::string work = queue_text(reported_amount(queue, "running"), reported_amount(queue, "waiting"));
    if (rate > 0) {
        work += fmt::format("{}{:.1f} tokens/s", work.empty() ? "" : ", ", rate);
    }
    std::string out = fmt::format(
        "{}  {}; up {}{}\n\n", painted("corral " + reported_text(status, "version"), colour::bold, style),
        work.empty() ? "idle" : work, span_text(reported_amount(status, "uptime_seconds")),
        reported_flag(status, "drained") ? painted("; drained", colour::yellow, style) : std::string());
    const std::string models = models_text(status, style);
    out += models.empty() ? "There is no model yet: 'corral search' lists what fits this box.\n\n" : models;
    return out + requests_text(requests, style) + cards_text(status, style) +
           incidents_text(incidents, style);
}

void add_top_command(CLI::App& program, command_context& context) {
    const auto asked = std::make_shared<top_options>();
    CLI::App* one = program.add_subcommand(
        "top", "Watch the box on one screen: models, queue, speed, cards, recent incidents; q quits");
    add_daemon_options(*one, asked->place);
    add_remote_options(*one, asked->elsewhere);
    one->parse_complete_callback(
        [asked, &context] { context.run = [asked, &context] { return top(*asked, context); }; });
}

}  // namespace corral::cli
