#include "engine/dialects/ax_poll/intrusion_fsm.hpp"

#include <string>

#include <gtest/gtest.h>

namespace corral::engine::ax_poll {
namespace {

using core::milliseconds, core::seconds;

class intrusion : public testing::Test {
protected:
    intrusion() {
        signs_.tapped = true;
        signs_.sizes = {.positions = 256, .prompt_limit = 128, .chunk = 32, .vocabulary = 1000};
        signs_.tap.turn_tokens = 3;
        usage_.exact = true;
        usage_.prompt_tokens = 3;
        fsm_.begin_turn();
    }
    // A first run has shown what this process prints.
    void teach() {
        report_.begin();
        line(3);
        report_.feed("[I][ GetKVCache][ 583]: precompute_len:6, remaining:72\n");
        report_.learn(3);
        report_.learn_lengths(0, 3);
        report_.begin();
    }
    void line(int ids) {
        report_.feed(
            "[I][ SetKVCache][ 614]: prefill_grpid:1 kv_cache_num:0 precompute_len:0 input_num_token:" +
            std::to_string(ids) + "\n");
    }
    [[nodiscard]] intrusion_fsm::witnesses all() const { return {signs_, report_, usage_, now_}; }
    std::string place(const std::string& text) { return fsm_.pass_place(text, false, {.at = now_}, all()); }

    core::steady_time now_{seconds{100}};
    cycle_signs signs_;
    run_report report_;
    chat::token_usage usage_;
    intrusion_fsm fsm_;
};

TEST_F(intrusion, text_waits_until_the_runtime_says_where_its_prompt_stands) {
    EXPECT_EQ(place("a"), "a") << "a process that was never seen to say so keeps nothing back";
    teach();
    ASSERT_TRUE(report_.prints_lengths());
    fsm_.begin_run();
    EXPECT_EQ(place("one"), "");
    EXPECT_EQ(place(" two"), "");
    EXPECT_TRUE(fsm_.place_waits());
    EXPECT_FALSE(fsm_.place_known(false, all()));
    EXPECT_EQ(fsm_.place_waits_since().at, now_);
    line(3);
    EXPECT_EQ(place(" three"), "one two three");
    EXPECT_EQ(place(" four"), " four") << "once for a run";
}

TEST_F(intrusion, a_wrong_line_opens_nothing) {
    teach();
    fsm_.begin_run();
    EXPECT_EQ(place("one"), "");
    line(4);
    EXPECT_FALSE(fsm_.place_known(false, all()));
    EXPECT_EQ(place(" two"), "");
    fsm_.drop_place();
    EXPECT_FALSE(fsm_.place_waits());
}

TEST_F(intrusion, another_reader_is_told_once_a_turn_and_not_for_what_was_lost) {
    signs_.tap.answers_lost = 1;
    EXPECT_FALSE(fsm_.note_reader(signs_));
    signs_.tap.answers_lost = 0;
    EXPECT_TRUE(fsm_.note_reader(signs_));
    fsm_.begin_run();
    EXPECT_FALSE(fsm_.note_reader(signs_));
    fsm_.begin_turn();
    EXPECT_TRUE(fsm_.note_reader(signs_));
}

TEST_F(intrusion, an_end_is_another_programs_only_where_nothing_else_explains_it) {
    signs_.tokens_made = 2;
    EXPECT_FALSE(fsm_.stopped(false, all())) << "this process was not seen to call at its end";
    EXPECT_TRUE(fsm_.stopped(true, all())) << "tokens in no piece";
    fsm_.learn_end(true);
    EXPECT_TRUE(fsm_.stopped(false, all())) << "it calls at each end, and did not";
    signs_.limit_reached = true;
    EXPECT_FALSE(fsm_.stopped(true, all())) << "Corral has stopped it";
    signs_.limit_reached = false;
    signs_.tokens_made = 250;
    EXPECT_FALSE(fsm_.stopped(true, all())) << "the context is used up";
    signs_.tokens_made = 2;
    usage_.exact = false;
    EXPECT_FALSE(fsm_.stopped(true, all())) << "unknown how far it is used";
}

TEST_F(intrusion, what_may_be_the_last_piece_waits_until_the_end_is_judged) {
    signs_.tokens_made = 3;
    signs_.tap.calls_coming = 1;
    EXPECT_EQ(fsm_.pass_last("one", all()), "one") << "nothing would come of the wait";
    teach();
    ASSERT_TRUE(report_.understood());
    fsm_.begin_run();
    signs_.tap.calls_coming = 0;
    EXPECT_EQ(fsm_.pass_last("one", all()), "one") << "no call is announced";
    signs_.tap.calls_coming = 1;
    EXPECT_EQ(fsm_.pass_last("two", all()), "");
    EXPECT_EQ(fsm_.release_last(all()), "");
    now_ = fsm_.last_due();
    EXPECT_EQ(fsm_.release_last(all()), "two") << "the connection brought no call";
    EXPECT_EQ(fsm_.pass_last("three", all()), "");
    signs_.tokens_made = 6;
    EXPECT_EQ(fsm_.release_last(all()), "three") << "another piece came";
    signs_.final_seen = true;
    EXPECT_EQ(fsm_.pass_last("four", all()), "");
    now_ += seconds{10};
    EXPECT_EQ(fsm_.release_last(all()), "") << "the last call is there: the end decides";
    EXPECT_TRUE(fsm_.last_waits());
    EXPECT_EQ(fsm_.take_last(), "four");
}

}  // namespace
}  // namespace corral::engine::ax_poll
