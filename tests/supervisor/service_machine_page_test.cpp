// Holds the transition table of docs/service_machine.md against step(): drives every situation with every
// event and compares what comes of it with the text. When the machine was changed on purpose:
//
//   CORRAL_WRITE_PAGE=1 build/release/bin/test_supervisor --gtest_filter='service_machine_page.*'

#include <csignal>
#include <cstdlib>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "supervisor/machine/service_fsm.hpp"

namespace corral::supervisor {
namespace {

using core::milliseconds;
using core::seconds;
using enum event_kind;

constexpr const char* end_mark = "<!-- table: end -->\n";

service_plan plan() {
    service_plan p;
    p.rules.start_stall = milliseconds{120'000};
    p.rules.start_limit = milliseconds{600'000};
    p.rules.liveness.interval = milliseconds{15'000};
    p.rules.liveness.failures = 2;
    p.rules.liveness.probe.method = "OPTIONS";
    p.rules.stop_loading = {{SIGKILL, catalog::signal_target::group, milliseconds{20'000}}};
    p.rules.stop_ready = {{SIGINT, catalog::signal_target::leader, milliseconds{15'000}},
                          {SIGKILL, catalog::signal_target::group, milliseconds{20'000}}};
    p.has_self_test = true;
    p.has_quiesce = true;
    return p;
}

struct situation {
    std::string note;  // what can't be seen in the state
    std::vector<event_kind> way;
    std::vector<event_kind> only{};  // empty: every event
    bool gated = false;              // something outside must hold before a launch
    bool chosen = false;             // what is killed on the way is killed by choice
};

// The ways to every state, stage and purpose of a stop. A new stage or state gets a line here.
const std::vector<situation>& situations() {
    static const std::vector<situation> all{
        {"", {}},
        {"", {start}},
        {"", {start, spawned}},
        {"", {start, spawned, socket_owned}},
        {"", {start, spawned, socket_owned, probe_answered}},
        {"", {start, spawned, socket_owned, probe_answered, self_test_passed}},
        {"silent once",
         {start, spawned, socket_owned, probe_answered, self_test_passed, probe_failed},
         {probe_ok, probe_failed}},
        {"", {start, spawned, socket_owned, probe_answered, self_test_passed, stop}},
        {"", {start, spawned, socket_owned, probe_answered, self_test_passed, stop, quiesced}},
        {"", {start, spawned, kill}},
        {"",
         {start, spawned, socket_owned, probe_answered, self_test_passed, kill},
         {stop, hold, exited, gone},
         false,
         true},
        {"", {start, spawned, hold}},
        {"", {start, spawned, fault}},
        {"first failure", {start, spawned, exited}},
        {"failed shortly before", {start, spawned, exited, gone, spawned, exited}},
        {"failed too often", {start, spawned, exited, gone, spawned, exited, gone, timer, spawned, exited}},
        {"backoff", {start, spawned, exited, gone, spawned, exited, gone}},
        {"", {hold, start}},
        {"beyond repair", {start, refused}},
        {"breaker open", {start, spawned, exited, gone, spawned, exited, gone, timer, spawned, exited, gone}},
        {"", {start}, {}, true},
        {"gate waits", {start, gate_waits}, {start, stop, hold, timer}, true},
        {"",
         {start, gate_waits, timer},
         {start, stop, hold, gate_opened, gate_waits, gate_shut, timer},
         true},
        {"gate shut", {start, gate_shut}, {start, stop, hold, timer}, true},
        {"", {start, gate_shut, timer}, {start, stop, hold, gate_opened, gate_waits, gate_shut, timer}, true},
    };
    return all;
}

struct driven {
    explicit driven(bool gated) { p.has_gate = gated; }

    service_plan p = plan();
    service_machine m{[] {
        catalog::restart_rule rule;
        rule.intensity = 2;
        return rule;
    }()};
    core::steady_time now{seconds{1000}};

    std::optional<service_action> tell(event_kind what, restart_reason why = restart_reason::hang) {
        if (what == timer && m.wake()) {
            now = *m.wake();
        }
        if (what == exited) {
            now += seconds{6};  // one that fails at once is given more tries
        }
        service_event event{what, core::reason::unlisted("REASON"), ""};
        event.why = why;
        transition moved = step(m, event, p, {now, 0.5});
        m = std::move(moved.next);
        return moved.action;
    }
};

struct stage_text {
    std::string operator()(const phase::gate_question&) const { return "at its gate"; }
    std::string operator()(const phase::launching&) const { return "launching"; }
    std::string operator()(const phase::loading& load) const {
        switch (load.stage) {
            case load_stage::socket:
                return "loading";
            case load_stage::probe:
                return "listening";
            case load_stage::self_test:
                return "first test";
        }
        return "a stage that this test does not know";
    }
    std::string operator()(const phase::quiescing&) const { return "coming to rest"; }
    std::string operator()(const phase::signalled&) const { return "signalled"; }
    std::string operator()(const phase::dead&) const { return "dead"; }
};

const char* text_of(after_stop after) {
    switch (after) {
        case after_stop::rest:
            return "then stopped";
        case after_stop::held:
            return "then held";
        case after_stop::again:
            return "then again, by choice";
        case after_stop::retry:
            return "then again";
        case after_stop::refused:
            return "then broken";
    }
    return "?";
}

const phase::signalled* signals_of(const service_machine& m) {
    const auto* const stop = std::get_if<phase::stopping>(&m.now);
    return stop != nullptr ? std::get_if<phase::signalled>(&stop->at) : nullptr;
}

std::string describe(const service_machine& m) {
    std::string out = to_string(m.state());
    if (const auto* const start = std::get_if<phase::starting>(&m.now)) {
        out += ", " + std::visit(stage_text{}, start->at);
    }
    const auto* const stop = std::get_if<phase::stopping>(&m.now);
    if (stop != nullptr) {
        out += ", " + std::visit(stage_text{}, stop->at) + ", " + text_of(stop->after);
        const phase::signalled* const sent = signals_of(m);
        out += sent != nullptr && sent->stuck ? ", stuck" : "";
    }
    if (!m.wanted && m.state() != service_state::stopped && m.state() != service_state::stopping) {
        out += ", not wanted";
    }
    if (m.wanted && stop != nullptr && stop->after == after_stop::rest) {
        out += ", wanted again";
    }
    if (m.gate_asked() != nullptr && m.state() != service_state::starting) {
        out += ", asking its gate";
    }
    if (m.held) {
        out += ", held";
    }
    return out;
}

std::string describe(const service_action& action) {
    switch (action.what) {
        case action_kind::ask_gate:
            return "ask the gate";
        case action_kind::launch:
            return "launch";
        case action_kind::watch_socket:
            return "watch the socket";
        case action_kind::probe:
            return "probe";
        case action_kind::self_test:
            return "first test";
        case action_kind::guard:
            return "guard the port, ask for life";
        case action_kind::quiesce:
            return "bring to rest";
        case action_kind::signal: {
            const bool group = action.step.target == catalog::signal_target::group;
            const std::string name = action.step.signal == SIGKILL ? "SIGKILL" : "SIGINT";
            return name + (group ? ", group" : ", leader");
        }
    }
    return "an action that this test does not know";
}

// What describe() does not show.
std::size_t count_of(const service_machine& m) {
    const auto* const serving = std::get_if<phase::ready>(&m.now);
    const phase::signalled* const sent = signals_of(m);
    return serving != nullptr ? serving->silent_probes : sent != nullptr ? sent->rung : 0;
}

bool same(const service_machine& a, const service_machine& b) {
    return describe(a) == describe(b) && a.reason == b.reason && a.wake() == b.wake() &&
           count_of(a) == count_of(b);
}

void walk(driven& d, const situation& by) {
    for (const event_kind each : by.way) {
        d.tell(each, by.chosen ? restart_reason::cancel : restart_reason::hang);
    }
}

std::string when_reached(const situation& of) {
    driven d(of.gated);
    walk(d, of);
    return describe(d.m) + (of.note.empty() ? "" : " (" + of.note + ")");
}

bool launching(const service_machine& m) {
    const auto* const start = std::get_if<phase::starting>(&m.now);
    return start != nullptr && std::holds_alternative<phase::launching>(start->at);
}

// Reasons too long for a row of the page, in the order of their numbers.
class long_reasons {
public:
    // `row` without the reason that is its last cell.
    std::string cell(const std::string& row, const std::string& reason) {
        if (row.size() + reason.size() <= page_width - end_of_row.size()) {
            return reason;
        }
        auto at = std::find(texts_.begin(), texts_.end(), reason);
        if (at == texts_.end()) {
            at = texts_.insert(at, reason);
        }
        return "(" + std::to_string(at - texts_.begin() + 1) + ")";
    }

    // A paragraph each, below the table.
    [[nodiscard]] std::string paragraphs() const {
        std::string all;
        for (std::size_t i = 0; i < texts_.size(); ++i) {
            std::istringstream words("(" + std::to_string(i + 1) + ") " + texts_[i] + ".");
            std::string line;
            for (std::string word; words >> word;) {
                if (line.size() + 1 + word.size() > page_width) {
                    all += std::exchange(line, {}) + "\n";
                }
                line += (line.empty() ? "" : " ") + word;
            }
            all += line + "\n\n";
        }
        return all;
    }

private:
    static constexpr std::size_t page_width = 119;
    static constexpr std::string_view end_of_row = " |";
    std::vector<std::string> texts_;
};

std::string rows_of(const situation& from, long_reasons& longer) {
    std::string rows;
    for (int kind = 0; kind < event_kinds; ++kind) {
        const auto what = static_cast<event_kind>(kind);
        driven d(from.gated);
        walk(d, from);
        const service_machine before = d.m;
        // The answer to a launch comes to whoever launched, or has been told to stop meanwhile.
        const bool answers_nobody =
            what == spawned && !launching(d.m) && d.m.state() != service_state::stopped;
        const bool left_out =
            !from.only.empty() && std::find(from.only.begin(), from.only.end(), what) == from.only.end();
        if (answers_nobody || left_out) {
            continue;
        }
        const std::optional<service_action> action = d.tell(what);
        if (!action && same(before, d.m)) {
            continue;
        }
        std::string acts = action ? describe(*action) : "";
        const std::string reason = d.m.reason == before.reason ? "" : d.m.reason.text();
        const std::string row = "| " + when_reached(from) + " | `" + to_string(what) + "` | " +
                                describe(d.m) + " | " + acts + " | ";
        rows += row + longer.cell(row, reason) + " |\n";
    }
    return rows;
}

std::string table() {
    std::string all = "| state | event | next | action | reason |\n|---|---|---|---|---|\n";
    long_reasons longer;
    for (const situation& each : situations()) {
        all += rows_of(each, longer);
    }
    return all + "\n" + longer.paragraphs();
}

const char* text_of(next_start next) {
    switch (next) {
        case next_start::at_once:
            return "no | at once";
        case next_start::by_rule:
            return "yes | by the restart rule: at once, after a backoff, or not for a while";
        case next_start::slowly:
            return "no | every ten seconds";
    }
    return "?";
}

std::string reasons() {
    std::string all =
        "| reason | counts as a failure | started again | crash bundle | log |\n|---|---|---|---|---|\n";
    for (int each = 0; each < restart_reasons; ++each) {
        const auto why = static_cast<restart_reason>(each);
        const restart_meaning means = meaning_of(why);
        all += std::string("| `") + to_string(why) + "` | " + text_of(means.next) + " | " +
               (means.bundle == trouble::none ? "no" : to_string(means.bundle)) + " | " +
               (means.bundle == trouble::none ? "info" : "warning") + " |\n";
    }
    return all;
}

std::string read_page() {
    std::ifstream file(CORRAL_SERVICE_MACHINE_PAGE);
    return {std::istreambuf_iterator<char>(file), {}};
}

void compare(const std::string& begin_mark, const std::string& right) {
    std::string page = read_page();
    const auto begin = page.find(begin_mark);
    ASSERT_NE(begin, std::string::npos) << CORRAL_SERVICE_MACHINE_PAGE " has no table";
    const auto from = begin + begin_mark.size();
    const auto end = page.find(end_mark, from);
    ASSERT_NE(end, std::string::npos);
    if (std::getenv("CORRAL_WRITE_PAGE") != nullptr) {
        page.replace(from, end - from, right);
        std::ofstream(CORRAL_SERVICE_MACHINE_PAGE) << page;
        return;
    }
    EXPECT_EQ(page.substr(from, end - from), right)
        << "run it with CORRAL_WRITE_PAGE=1 if the machine was changed on purpose";
}

TEST(service_machine_page, has_the_table_that_the_code_obeys) {
    compare("<!-- table: begin -->\n", table());
}

TEST(service_machine_page, says_of_every_reason_what_it_means) {
    compare("<!-- reasons: begin -->\n", reasons());
}

TEST(service_machine_page, names_every_event) {
    const std::string page = read_page();
    for (int kind = 0; kind < event_kinds; ++kind) {
        const std::string name = to_string(static_cast<event_kind>(kind));
        EXPECT_NE(page.find("| `" + name + "` |"), std::string::npos) << name;
    }
}

}  // namespace
}  // namespace corral::supervisor
