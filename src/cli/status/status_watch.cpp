#include "cli/status/admin_command.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include <unistd.h>

#include "cli/base/failure.hpp"
#include "cli/base/reported_fields.hpp"
#include "cli/status/status_page.hpp"
#include "corral/control/admin_client.hpp"
#include "corral/core/json_members.hpp"

namespace corral::cli {

namespace {

constexpr core::seconds status_limit{10};
constexpr core::milliseconds between_looks{500};
constexpr core::milliseconds between_ends{50};
constexpr int steps = 10;  // of a load, where lines can't be drawn again

// One line of each model, said again when its state, what troubles it, or a tenth of its load is another. `all`:
// untroubled ones too.
void tell_changes(const control::admin_json& status, std::map<std::string, std::string>& shown, bool all,
                  std::ostream& out) {
    for (const control::admin_json& model : all_instances(status)) {
        const std::string name = reported_text(model, "name");
        const std::string state = reported_text(model, "state");
        const auto percent = reported_number(model, "progress_percent");
        const bool known = state == "loading" && percent;
        const int step = known ? static_cast<int>(*percent) * steps / 100 : -1;
        const bool troubled = state == "broken" || state == "loading";
        const std::string key =
            state + std::to_string(step) + (troubled ? reported_text(model, "reason") : std::string());
        const std::string trouble = troubled ? trouble_text(model) : std::string();
        if (shown[name] == key || (!all && trouble.empty())) {
            continue;
        }
        shown[name] = key;
        const std::string bar =
            known ? " " + load_bar(*percent, reported_number(model, "left_seconds"), 0) : std::string();
        out << name << "  " << state << bar << (trouble.empty() ? "" : ": ") << trouble << '\n';
    }
    out.flush();
}

// What a change is: of ages and process numbers none is worth a line.
std::string outline(const control::admin_json& status) {
    std::string out;
    for (const control::admin_json& model : all_instances(status)) {
        out += reported_text(model, "name") + ' ' + reported_text(model, "state") + ' ' +
               model.value("progress_percent", control::admin_json()).dump() + '\n';
    }
    return out;
}

bool any_broken(const control::admin_json& status) {
    const std::vector<control::admin_json> all = all_instances(status);
    return std::ranges::any_of(
        all, [](const control::admin_json& one) { return reported_text(one, "state") == "broken"; });
}

}  // namespace

core::result<control::admin_json> ask_with_bars(const std::vector<std::filesystem::path>& places,
                                                const control::admin_question& question,
                                                core::seconds longest, const text_style& style) {
    std::atomic<bool> over{false};
    core::result<control::admin_json> answer = control::admin_json();
    std::thread asking([&] {
        answer = control::ask_daemon(places, question, longest);
        over = true;
    });
    live_lines lines(STDERR_FILENO, style);
    std::map<std::string, std::string> shown;
    auto next = std::chrono::steady_clock::now() + between_looks;
    while (!over) {
        if (std::chrono::steady_clock::now() >= next) {
            const auto status = control::ask_daemon(places, {}, status_limit);
            if (status && style.live) {
                lines.draw(wrapped(loads_page(*status, style), style));
            } else if (status) {
                tell_changes(*status, shown, false, std::cerr);
            }
            next = std::chrono::steady_clock::now() + between_looks;
        }
        std::this_thread::sleep_for(between_ends);
    }
    asking.join();
    lines.clear();
    return answer;
}

int watch_status(const std::vector<std::filesystem::path>& places, bool as_json, const text_style& style) {
    live_lines lines(STDOUT_FILENO, style);
    std::map<std::string, std::string> shown;
    std::string before;
    while (true) {
        const auto status = control::ask_daemon(places, {}, status_limit);
        if (!status) {
            return fail(status.error().message);
        }
        if (as_json) {
            std::string now = outline(*status);
            if (now != before) {
                std::cout << status->dump(-1, ' ', false, control::admin_json::error_handler_t::replace)
                          << std::endl;
                before = std::move(now);
            }
        } else if (style.live) {
            lines.draw(wrapped(status_page(*status, style), style));
        } else {
            tell_changes(*status, shown, true, std::cout);
        }
        if (!still_loads(*status)) {
            return any_broken(*status) ? 1 : 0;
        }
        std::this_thread::sleep_for(between_looks);
    }
}

}  // namespace corral::cli
