#include "engine/dialects/ax_poll/polling_fsm.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace corral::engine::ax_poll {
namespace {

using core::milliseconds;
using kind = polling_fsm::kind;
using stops = polling_fsm::stops;

using core::milliseconds, core::seconds;

class polling : public testing::Test {
protected:
    polling() { fsm_.on_call(now_); }

    // The steps to idle, a letter each, while every poll is answered so: poll, stop, rest.
    std::string steps(int most, bool done, std::optional<core::steady_time> held_until = {}) {
        std::string out;
        for (int i = 0; i < most; ++i) {
            const auto step = fsm_.to_idle(now_, now_ + seconds{60}, held_until);
            if (step.what == kind::poll) {
                out += 'p';
                fsm_.on_answer(now_, done, false);
                fsm_.on_polled(now_, now_, false, done);
            } else if (step.what == kind::stop) {
                out += 's';
                fsm_.on_stop(safe_, now_);
            } else {
                out += 'r';
                now_ = step.until;
                fsm_.look_again();
            }
        }
        return out;
    }

    core::steady_time now_{seconds{100}};
    polling_fsm fsm_{milliseconds{2000}, milliseconds{250}};
    bool safe_ = false;
};

TEST_F(polling, what_runs_is_stopped_as_it_was_told) {
    fsm_.settle(stops::never, false, now_);
    EXPECT_EQ(steps(4, false), "prpr");
    fsm_.settle(stops::seen_running, false, now_);
    EXPECT_EQ(steps(4, false), "psrp") << "not before a poll has shown that something runs";
    fsm_.settle(stops::at_once, false, now_);
    EXPECT_EQ(steps(3, true), "spr") << "and no more once it looks done";
    EXPECT_EQ(steps(4, true).find('s'), std::string::npos);
}

TEST_F(polling, a_stop_that_may_be_lost_is_repeated_sooner) {
    for (const bool safe : {false, true}) {
        safe_ = safe;
        fsm_.settle(stops::at_once, false, now_);
        const core::steady_time began = now_;
        std::string all;
        while (now_ - began < milliseconds{500}) {
            all += steps(1, false);
        }
        const auto sent = std::count(all.begin(), all.end(), 's');
        EXPECT_EQ(sent > 5, !safe) << all;
        EXPECT_GE(sent, 1);
    }
    const core::steady_time due = fsm_.next_stop();
    fsm_.settle(stops::at_once, true, now_);
    EXPECT_EQ(fsm_.next_stop(), due) << "a new way to idle keeps the interval of a safe stop";
}

TEST_F(polling, a_stop_waits_for_its_piece) {
    fsm_.settle(stops::at_once, false, now_);
    const core::steady_time until = now_ + milliseconds{5};
    while (now_ < until) {
        EXPECT_NE(steps(1, false, until), "s");
    }
    EXPECT_EQ(now_, until) << "the last rest ends with the wait";
    EXPECT_EQ(steps(1, false), "s");
}

TEST_F(polling, a_rest_ends_at_the_deadline) {
    fsm_.settle(stops::never, false, now_);
    (void)fsm_.to_idle(now_, now_, {});
    EXPECT_EQ(fsm_.to_idle(now_, now_, {}).until, now_);
    fsm_.follow(now_);
    EXPECT_EQ(fsm_.to_text(now_, now_ + seconds{1}).what, kind::poll) << "at once behind an accepted prompt";
    fsm_.on_polled(now_, now_, false, false);
    const auto rest = fsm_.to_text(now_, now_ + milliseconds{1});
    EXPECT_EQ(rest.what, kind::rest);
    EXPECT_EQ(rest.until, now_ + milliseconds{1});
}

class idle_evidence_test : public ::testing::Test {
protected:
    [[nodiscard]] core::steady_time at(int ms) const { return start + milliseconds{ms}; }
    void poll(int ms, bool done, bool text = false) { seen.on_poll(at(ms), done, text); }
    core::steady_time start{core::seconds{1000}};
    idle_evidence seen{milliseconds{2000}};
    void SetUp() override { seen.on_call(start); }
};

TEST_F(idle_evidence_test, done_alone_is_not_believed_before_the_grace) {
    for (int ms = 1; ms < 2000; ms += 100) {
        poll(ms, true);
        EXPECT_FALSE(seen.idle()) << ms;
    }
    poll(2001, true);
    EXPECT_TRUE(seen.idle());
    EXPECT_TRUE(seen.by_grace());
}

TEST_F(idle_evidence_test, after_done_false_two_empty_polls_are_enough) {
    poll(1, true);
    poll(2, false);
    poll(3, true);
    EXPECT_FALSE(seen.idle());
    poll(4, true);
    EXPECT_TRUE(seen.idle());
    EXPECT_FALSE(seen.by_grace());
}

TEST_F(idle_evidence_test, text_between_starts_the_count_again) {
    poll(1, false);
    poll(2, true);
    poll(3, true, true);
    poll(4, true);
    EXPECT_FALSE(seen.idle());
    poll(5, true);
    EXPECT_TRUE(seen.idle());
}

TEST_F(idle_evidence_test, a_poll_sent_before_the_work_began_proves_nothing) {
    seen.on_begun(at(10));
    poll(5, true);
    poll(6, true);
    EXPECT_FALSE(seen.idle());
    poll(11, true);
    poll(12, true);
    EXPECT_TRUE(seen.idle());
}

TEST_F(idle_evidence_test, a_new_call_voids_what_was_seen) {
    poll(1, false);
    poll(2, true);
    poll(3, true);
    EXPECT_TRUE(seen.idle());
    seen.on_call(at(4));
    EXPECT_FALSE(seen.idle());
    poll(5, true);
    poll(6, true);
    EXPECT_FALSE(seen.idle());
}

TEST_F(idle_evidence_test, a_late_beginning_ends_the_belief_by_grace) {
    poll(1, true);
    poll(2100, true);
    EXPECT_TRUE(seen.idle());
    seen.on_begun(at(2200));
    EXPECT_FALSE(seen.idle());
}

}  // namespace
}  // namespace corral::engine::ax_poll
