#include "engine/dialects/ax_poll/idle_evidence.hpp"

#include <gtest/gtest.h>

namespace corral::engine::ax_poll {
namespace {

using core::milliseconds;

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
