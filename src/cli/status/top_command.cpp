// corral top: the box on one screen, drawn again each second.

#include <algorithm>
#include <csignal>
#include <iostream>
#include <memory>
#include <utility>

#include <poll.h>
#include <termios.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include "cli/base/command.hpp"
#include "cli/base/daemon_place.hpp"
#include "cli/base/remote_box.hpp"
#include "cli/base/terminal.hpp"
#include "cli/status/top_page.hpp"
#include "corral/control/admin_client.hpp"
#include "corral/core/json_members.hpp"

namespace corral::cli {

namespace {

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

void add_top_command(CLI::App& program, command_context& context) {
    const auto asked = std::make_shared<top_options>();
    CLI::App* one = program.add_subcommand(
        "top", "Watch the box on one screen: models, queue, speed, cards, last incidents; q leaves");
    add_daemon_options(*one, asked->place);
    add_remote_options(*one, asked->elsewhere);
    one->parse_complete_callback(
        [asked, &context] { context.run = [asked, &context] { return top(*asked, context); }; });
}

}  // namespace corral::cli
