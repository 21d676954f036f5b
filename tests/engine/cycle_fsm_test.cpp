// Drives every state of the polled cycle with every event, and holds docs/polled_cycle.md against it. When the
// machine was changed on purpose:
//
//   CORRAL_WRITE_PAGE=1 build/dev/bin/test_engine --gtest_filter='cycle_fsm.*'

#include "engine/dialects/ax_poll/cycle_fsm.hpp"

#include <cstdlib>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace corral::engine::ax_poll {
namespace {

using core::milliseconds, core::seconds;
using names = std::vector<std::string>;

constexpr const char* begin_mark = "<!-- table: begin -->\n";
constexpr const char* end_mark = "<!-- table: end -->\n";

enum class kind { tapped, untapped, verbatim, keeps_nothing, to_rest };

cycle_settings settings_of(kind what) {
    cycle_settings out;
    out.keeps_nothing = what == kind::keeps_nothing;
    out.can_encode = true;
    return out;
}

// What comes of a question, and how it is put to the machine.
struct answer {
    std::string name;
    std::string to;  // the question
};

const std::vector<answer>& all_answers() {
    static const std::vector<answer> all{
        {"quiet", "poll"},     {"runs", "poll"},        {"text", "poll"},         {"last text", "poll"},
        {"full text", "poll"}, {"broken", "poll"},      {"silent", "poll"},       {"accepted", "stop"},
        {"broken", "stop"},    {"silent", "stop"},      {"accepted", "reset"},    {"busy", "reset"},
        {"refused", "reset"},  {"broken", "reset"},     {"silent", "reset"},      {"accepted", "generate"},
        {"busy", "generate"},  {"refused", "generate"}, {"broken", "generate"},   {"silent", "generate"},
        {"over", "rest"},      {"ids", "encode"},       {"no answer", "encode"},  {"impossible", "encode"},
        {"foreign", "encode"}, {"text", "owed text"},   {"nothing", "owed text"}, {"failed", "owed text"},
        {"done", "repair"},
    };
    return all;
}

// Signs show with the next answer, here the usual one; what rests is woken by them.
const names& all_signs() {
    static const names all{"cancelled",    "runtime lost",   "tokenizer lost", "being stopped", "deadline",
                           "work begun",   "piece answered", "limit reached",  "encode failed", "foreign ids",
                           "reset failed", "reset too long", "10 min"};
    return all;
}

class driven {
public:
    explicit driven(kind what) : clocks_(settings_of(what).clocks), fsm_(settings_of(what), clocks_, now_) {
        signs_.tapped = what != kind::untapped && what != kind::keeps_nothing;
        signs_.sizes.vocabulary = 1000;
        run_spec spec;
        spec.prompt.verbatim = what == kind::verbatim;
        spec.prompt.system = "Be brief.";
        spec.prompt.turns = "Hi";
        spec.until = until_ = core::deadline::after(std::chrono::hours{1}, now_);
        if (what == kind::to_rest) {
            fsm_.begin_rest(core::deadline::after(seconds{5}, now_), now_);
        } else {
            fsm_.begin(std::move(spec), true, now_);
        }
        go_on();
    }

    void happen(const std::string& event) {
        said_.clear();
        now_ += milliseconds{1};
        if (std::find(all_signs().begin(), all_signs().end(), event) != all_signs().end()) {
            show(event);
            give(usual());
        } else {
            give(event);
        }
        go_on();
    }
    [[nodiscard]] std::string usual() const {
        return asked_ == "poll"        ? "quiet"
               : asked_ == "rest"      ? "woken"
               : asked_ == "encode"    ? "ids"
               : asked_ == "owed text" ? "nothing"
               : asked_ == "repair"    ? "done"
                                       : "accepted";
    }
    [[nodiscard]] bool over() const { return asked_.empty(); }
    [[nodiscard]] const std::string& asked() const { return asked_; }
    [[nodiscard]] std::string situation() const {
        return std::string(fsm_.state_name()) + (over() ? "" : ", " + asked_);
    }
    [[nodiscard]] const std::string& said() const { return said_; }
    [[nodiscard]] cycle_fsm& fsm() { return fsm_; }

private:
    void show(const std::string& sign) {
        tap_view& tap = signs_.tap;
        if (sign == "cancelled") {
            signs_.cancelled = true;
        } else if (sign == "runtime lost") {
            signs_.lost = process_epochs::loss::runtime;
        } else if (sign == "tokenizer lost") {
            signs_.lost = process_epochs::loss::tokenizer;
        } else if (sign == "being stopped") {
            signs_.lost = process_epochs::loss::stopping;
        } else if (sign == "deadline") {
            now_ = until_.at();
        } else if (sign == "work begun") {
            // Of the two, the machine takes what it has asked for last.
            tap.reset_begun = tap.run_begun = true;
            tap.reset_begun_at = tap.run_begun_at = now_;
        } else if (sign == "piece answered") {
            tap.run_begun = tap.encode_answered = true;
            tap.run_begun_at = now_;
            ++tap.pieces_answered;
            signs_.tokens_made = signs_.tokens_wanted = tap.pieces_answered * 3;
        } else if (sign == "limit reached") {
            signs_.limit_reached = true;
        } else if (sign == "encode failed") {
            tap.encode_failed = true;
        } else if (sign == "foreign ids") {
            tap.foreign_ids = true;
        } else if (sign == "reset failed") {
            tap.reset_failed = true;
        } else if (sign == "reset too long") {
            tap.reset_too_long = true;
        } else if (sign == "10 min") {
            now_ += std::chrono::minutes{10};
        }
    }
    void give(const std::string& name) {
        fsm_.see(signs_);
        const core::failure broken =
            core::make_failure(name == "silent" ? core::errc::timed_out : core::errc::protocol,
                               core::reason::unlisted("broken"));
        if (asked_ == "poll") {
            core::result<poll_answer> got = poll_answer{name != "runs" && name != "text", ""};
            if (name == "text" || name == "last text") {
                got->text = "words";
            } else if (name == "full text") {
                got->text = context_full_text;
            } else if (name == "broken" || name == "silent") {
                got = broken;
            }
            if (got && signs_.tapped && signs_.tap.pieces_answered > 0) {
                fsm_.on_tap_text(got->text, signs_.tokens_wanted, false);
            }
            fsm_.on_polled(asked_at_, got, now_);
        } else if (asked_ == "rest") {
            now_ = name == "over" ? std::max(now_, rest_until_) : now_;
            fsm_.on_rested(now_);
        } else if (asked_ == "encode") {
            give_ids(name);
        } else if (asked_ == "owed text") {
            core::result<std::string> text = std::string(name == "text" ? "the rest" : "");
            if (name == "failed") {
                text = broken;
            }
            fsm_.on_owed(text, false, now_);
        } else if (asked_ == "repair") {
            fsm_.on_repaired(now_);
        } else {
            give_control(name, broken);
        }
    }
    void give_ids(const std::string& name) {
        core::result<token_ids> ids = token_ids{1, 2, name == "foreign" ? 5000 : 3};
        if (name == "no answer") {
            ids = core::make_failure(core::errc::timed_out, core::reason::unlisted("silent"));
        } else if (name == "impossible") {
            ids = core::make_failure(core::errc::refused, core::reason::unlisted("no shape"));
        }
        fsm_.on_encoded(std::move(ids), now_);
    }
    void give_control(const std::string& name, const core::failure& broken) {
        core::result<control_reply> got = control_reply{control_verdict::accepted, 200};
        if (name == "broken" || name == "silent") {
            got = broken;
        } else if (name != "accepted") {
            got = control_reply{name == "busy" ? control_verdict::busy : control_verdict::refused, 400};
        }
        if (asked_ == "stop") {
            fsm_.on_stopped(got, now_);
        } else if (asked_ == "reset") {
            fsm_.on_reset(got, now_);
        } else {
            fsm_.on_generated(got, now_);
        }
    }

    void go_on() {
        asked_.clear();
        for (bool over = false; !over && asked_.empty();) {
            fsm_.see(signs_);
            const cycle_action next = fsm_.next(now_);
            over = std::holds_alternative<act::finish>(next);
            take(next);
        }
        asked_at_ = now_;
    }
    void take(const cycle_action& next) {
        if (std::holds_alternative<act::poll>(next)) {
            asked_ = "poll";
        } else if (const auto* const pause = std::get_if<act::rest>(&next)) {
            asked_ = "rest";
            rest_until_ = pause->until;
        } else if (std::holds_alternative<act::stop>(next)) {
            asked_ = "stop";
        } else if (std::holds_alternative<act::reset>(next)) {
            asked_ = "reset";
            signs_.tap = tap_view{};
        } else if (std::holds_alternative<act::generate>(next)) {
            asked_ = "generate";
            signs_.tap.run_begun = signs_.tap.encode_failed = false;
        } else if (std::holds_alternative<act::encode>(next)) {
            asked_ = "encode";
        } else if (std::holds_alternative<act::fetch_owed>(next)) {
            asked_ = "owed text";
        } else if (std::holds_alternative<act::repair_tap>(next)) {
            asked_ = "repair";
        } else if (std::holds_alternative<act::deliver>(next)) {
            say("deliver");
        } else if (std::holds_alternative<act::report_tokenizer_hung>(next)) {
            say("report the tokenizer hung");
        } else if (const auto* const wish = std::get_if<act::restart>(&next)) {
            say(wish->pair ? "restart both" : "restart");
        } else if (const auto* const end = std::get_if<act::tell_end>(&next)) {
            say("end: " + word_of(end->outcome));
        } else if (const auto* const last = std::get_if<act::finish>(&next)) {
            say(last->idle ? "finish, idle" : "finish");
        }
    }
    static std::string word_of(const run_outcome& end) {
        switch (end.end) {
            case run_end::stop:
                return "stop";
            case run_end::length:
                return "length";
            case run_end::cancelled:
                return "cancelled";
            case run_end::failed:
                break;
        }
        return end.failure ? name_of(*end.failure) : "failed for no reason";
    }
    void say(const std::string& what) { said_ += (said_.empty() ? "" : ", ") + what; }

    core::steady_time now_{seconds{1000}};
    core::deadline until_;
    cycle_clocks clocks_;
    cycle_fsm fsm_;
    cycle_signs signs_;
    std::string asked_;  // the question; empty: it is over
    core::steady_time asked_at_{};
    core::steady_time rest_until_{};
    std::string said_;
};

struct situation {
    std::string note;  // what can't be seen in the state
    names way;
    kind what = kind::tapped;
};

names operator+(names way, const names& more) {
    way.insert(way.end(), more.begin(), more.end());
    return way;
}

// A way to every state and every question in it. A new one gets a line here.
std::vector<situation> situations() {
    const names drained{"quiet", "over", "quiet"};
    const names reset = drained + names{"accepted"};
    const names empty = reset + names{"work begun", "quiet", "quiet"};
    const names accepted = empty + names{"accepted"};
    const names running = accepted + names{"runs"};
    const names answered = accepted + names{"piece answered", "text"};
    const names given_up = running + names{"cancelled"};
    return {
        {"verbatim", {}, kind::verbatim},
        {"", {}},
        {"something runs", {"runs"}},
        {"quiet once", {"quiet"}},
        {"", drained},
        {"", drained + names{"busy"}},
        {"", drained + names{"busy", "over"}},
        {"something runs", drained + names{"busy", "over", "runs"}},
        {"", reset},
        {"not begun", reset + names{"quiet"}},
        {"begun", reset + names{"work begun"}},
        {"begun, quiet once", reset + names{"work begun", "quiet"}},
        {"no tap, not begun", reset + names{"quiet"}, kind::untapped},
        {"", empty},
        {"build without reset", drained, kind::keeps_nothing},
        {"not begun", accepted},
        {"begun", running},
        {"more than is wanted", running + names{"limit reached"}},
        {"text came", answered},
        {"text came, quiet once", answered + names{"over", "quiet"}},
        {"no text came", running + names{"over", "quiet", "quiet"}},
        {"no text came", running + names{"over", "quiet", "quiet", "over"}},
        {"", answered + names{"over", "quiet", "quiet"}},
        {"a poll broke", names{"broken"}},
        {"cancelled", given_up},
        {"cancelled", given_up + names{"accepted"}},
        {"cancelled", given_up + names{"accepted", "runs"}},
        {"", answered + names{"over", "quiet", "quiet", "nothing"}},
        {"before a stop", {}, kind::to_rest},
    };
}

driven at(const situation& where) {
    driven out(where.what);
    for (const std::string& event : where.way) {
        EXPECT_FALSE(out.over()) << where.note << " before " << event;
        out.happen(event);
    }
    return out;
}

struct outcome {
    std::string next;
    std::string said;
    bool operator==(const outcome&) const = default;
};

outcome outcome_of(const situation& where, const std::string& event) {
    driven one = at(where);
    one.happen(event);
    return {one.situation(), one.said()};
}

std::string rows_of(const situation& where) {
    const driven start = at(where);
    const std::string from = start.situation() + (where.note.empty() ? "" : " (" + where.note + ")");
    std::string rows;
    const auto row = [&rows, &from](const std::string& event, const outcome& what) {
        rows += "| " + from + " | " + event + " | " + what.said + " | " + what.next + " |\n";
    };
    for (const answer& one : all_answers()) {
        if (one.to == start.asked()) {
            row("`" + one.name + "`", outcome_of(where, one.name));
        }
    }
    const outcome usual = outcome_of(where, start.usual());
    for (const std::string& sign : all_signs()) {
        const outcome what = outcome_of(where, sign);
        if (what != usual) {
            row("*" + sign + "*", what);
        }
    }
    return rows;
}

std::string table() {
    std::string all =
        "| state, question | event | done at once | next state, question |\n|---|---|---|---|\n";
    for (const situation& each : situations()) {
        all += rows_of(each);
    }
    return all;
}

std::string read_page() {
    std::ifstream file(CORRAL_POLLED_CYCLE_PAGE);
    return {std::istreambuf_iterator<char>(file), {}};
}

TEST(cycle_fsm, obeys_the_table_of_its_page) {
    std::string page = read_page();
    const auto begin = page.find(begin_mark);
    const auto end = page.find(end_mark);
    ASSERT_NE(begin, std::string::npos) << CORRAL_POLLED_CYCLE_PAGE " has no table";
    ASSERT_NE(end, std::string::npos);
    const auto from = begin + std::string(begin_mark).size();
    const std::string right = table();
    if (std::getenv("CORRAL_WRITE_PAGE") != nullptr) {
        page.replace(from, end - from, right);
        std::ofstream(CORRAL_POLLED_CYCLE_PAGE) << page;
        return;
    }
    EXPECT_EQ(page.substr(from, end - from), right)
        << "run it with CORRAL_WRITE_PAGE=1 if the machine was changed on purpose";
}

TEST(cycle_fsm, has_a_situation_in_every_state_that_waits) {
    const std::string all = table();
    for (const char* state :
         {"encoding", "draining", "asking_reset", "confirming", "asking_generate", "backing_off", "following",
          "concluding", "owing", "noticing", "scrubbing", "repairing"}) {
        EXPECT_NE(all.find(std::string("\n| ") + state + ", "), std::string::npos) << state;
    }
}

TEST(cycle_fsm, a_runtime_that_worked_for_another_since_its_reset_is_reset_anew) {
    const names empty{"quiet", "over", "quiet", "accepted", "work begun", "quiet", "quiet"};
    driven one = at({"", empty + names{"busy", "over", "quiet"}});
    EXPECT_EQ(one.situation(), "draining, poll");
    driven alone = at({"", names{"quiet", "over", "quiet", "busy", "over", "quiet"}, kind::keeps_nothing});
    EXPECT_EQ(alone.situation(), "asking_generate, generate");
}

TEST(cycle_fsm, an_answer_that_was_not_asked_for_changes_nothing) {
    for (const situation& each : situations()) {
        driven one = at(each);
        const std::string before = one.situation();
        const core::steady_time now{seconds{1001}};
        if (one.asked() != "poll") {
            one.fsm().on_polled(now, poll_answer{false, "text"}, now);
        }
        if (one.asked() != "reset") {
            one.fsm().on_reset(control_reply{control_verdict::refused, 500}, now);
        }
        if (one.asked() != "generate") {
            one.fsm().on_generated(control_reply{control_verdict::accepted, 200}, now);
        }
        if (one.asked() != "encode") {
            one.fsm().on_encoded(token_ids{1, 2}, now);
        }
        if (one.asked() != "owed text") {
            one.fsm().on_owed(std::string("text"), true, now);
        }
        EXPECT_EQ(one.situation(), before);
    }
}

TEST(cycle_fsm, a_prompt_is_sent_after_a_confirmed_reset_or_after_being_told_to_wait) {
    for (const situation& each : situations()) {
        for (const answer& one : all_answers()) {
            driven walker = at(each);
            const std::string before = walker.situation().substr(0, walker.situation().find(','));
            if (one.to != walker.asked()) {
                continue;
            }
            walker.happen(one.name);
            if (walker.asked() == "generate") {
                const bool drained_only = before == "draining" && each.what == kind::keeps_nothing;
                EXPECT_TRUE(before == "confirming" || before == "backing_off" || drained_only) << before;
            }
        }
    }
}

}  // namespace
}  // namespace corral::engine::ax_poll
