#include "engine/dialects/ax_poll/reuse_fsm.hpp"

#include <string>

#include <gtest/gtest.h>

namespace corral::engine::ax_poll {
namespace {

using core::seconds;
using way = reuse_fsm::way;

class reuse : public testing::Test {
protected:
    reuse() {
        signs_.tapped = signs_.reuses = signs_.text_is_whole = true;
        signs_.sizes = {.positions = 256, .prompt_limit = 128, .chunk = 32, .vocabulary = 1000};
        report_.learn_lengths(0, 0);
        prompt_.verbatim = true;
        prompt_.turns = "Hi";
        report_.begin();
        report_.feed(
            "[I][ SetKVCache][ 614]: prefill_grpid:1 kv_cache_num:0 precompute_len:0 input_num_token:3\n");
        report_.learn_lengths(0, 3);
        EXPECT_TRUE(report_.prints_lengths());
    }

    reuse_fsm::start plan(const std::string& owner = "anna") { return fsm_.plan(report_, signs_, owner); }
    // A turn with these ids whose answer is the tokens 7, 8 and 9, met by its own end.
    void turn(const token_ids& ids) {
        fsm_.begin();
        fsm_.allow(true);
        fsm_.take(ids, false);
        const reuse_fsm::start start = plan();
        if (start.how == way::reset) {
            fsm_.on_reset("anna");
        }
        send(start);
        fsm_.on_given(" there");
        fsm_.on_end(true);
        conclude();
    }
    void send(const reuse_fsm::start& start) {
        fsm_.on_sent(start.ids.held.size(), signs_);
        token_ids wanted;
        made_.begin({});
        made_.on_decode({7, 8, 9}, wanted);
        made_.on_decode({7, 8, 9}, wanted);
        signs_.tokens = &made_;
        signs_.tokens_made = made_.made();
        signs_.tap.encode_answered = true;
        signs_.tap.system_tokens = static_cast<std::uint32_t>(start.ids.held.size());
        signs_.tap.turn_tokens = static_cast<std::uint32_t>(start.ids.turns.size());
    }
    void conclude() {
        report_.feed("[I][ SetKVCache][ 614]: prefill_grpid:1 kv_cache_num:0 precompute_len:" +
                     std::to_string(signs_.tap.system_tokens) +
                     " input_num_token:" + std::to_string(signs_.tap.turn_tokens) + "\n");
        fsm_.conclude(prompt_, "", false, report_, signs_);
    }

    cycle_signs signs_;
    run_report report_;
    token_ledger made_;
    chat::rendered_prompt prompt_;
    reuse_fsm fsm_;
};

TEST_F(reuse, a_prompt_is_accounted_for_from_its_permission_to_its_ids) {
    fsm_.begin();
    EXPECT_FALSE(fsm_.on());
    fsm_.allow(true);
    EXPECT_TRUE(fsm_.on() && !fsm_.counted());
    fsm_.allow(false);
    EXPECT_FALSE(fsm_.on()) << "it may end before the ids are there";
    fsm_.allow(true);
    fsm_.take({1, 2, 3}, false);
    EXPECT_TRUE(fsm_.on() && fsm_.counted());
    EXPECT_EQ(fsm_.whole(), (token_ids{1, 2, 3}));
    fsm_.give_up();
    fsm_.allow(true);
    EXPECT_FALSE(fsm_.on()) << "for this turn";
    fsm_.begin();
    fsm_.allow(true);
    EXPECT_TRUE(fsm_.on());
}

TEST_F(reuse, what_goes_on_is_put_behind_the_cache) {
    turn({1, 2, 3, 4});
    EXPECT_EQ(fsm_.spoken() ? fsm_.spoken()->text : "", "Hi there");
    fsm_.begin();
    fsm_.allow(true);
    fsm_.take({1, 2, 3, 4, 7, 8, 9, 5, 6}, false);
    const reuse_fsm::start next = plan();
    EXPECT_EQ(next.how, way::behind);
    EXPECT_TRUE(fsm_.goes_on());
    EXPECT_EQ(next.ids.held.size() + next.ids.turns.size(), 9U);
    EXPECT_STREQ(next.why, "continued");
    EXPECT_EQ(plan("bert").how, way::reset) << "of another owner never";
}

TEST_F(reuse, a_composed_prompt_that_the_cache_does_not_serve_is_tokenised_as_a_whole) {
    turn({1, 2, 3, 4});
    fsm_.begin();
    fsm_.allow(true);
    prompt_.turns = "Hi there, go on";
    ASSERT_TRUE(fsm_.composes(prompt_, "anna", signs_));
    const token_ids ids{1, 2, 3, 4, 7, 8, 9, 5};
    ASSERT_TRUE(fsm_.composed_of_spoken(ids));
    fsm_.take(ids, true);
    fsm_.forget();
    EXPECT_EQ(plan().how, way::anew);
    EXPECT_TRUE(fsm_.on() && !fsm_.counted());
    EXPECT_FALSE(fsm_.composes(prompt_, "anna", signs_)) << "and never composed again in this turn";
}

TEST_F(reuse, any_doubt_about_a_run_leaves_the_cache_unknown) {
    turn({1, 2, 3, 4});
    ASSERT_TRUE(fsm_.cache().known());
    for (const char* const what : {"doubt", "stop", "stray", "full"}) {
        fsm_.begin();
        fsm_.allow(true);
        fsm_.take({1, 2, 3, 4}, false);
        const reuse_fsm::start start = plan();
        fsm_.on_reset("anna");
        send(start);
        const std::string name = what;
        if (name == "doubt") {
            fsm_.doubt();
        } else if (name == "stop") {
            fsm_.on_stop_sent(signs_);
            fsm_.on_stopped(true, signs_);
        } else if (name == "stray") {
            ++signs_.tap.strays;
        }
        report_.feed("\n");
        fsm_.conclude(prompt_, "", name == "full", report_, signs_);
        EXPECT_FALSE(fsm_.cache().known()) << what;
    }
}

TEST_F(reuse, a_stop_waits_for_a_piece_only_where_the_cache_profits) {
    const core::steady_time now{seconds{100}};
    signs_.cancelled = true;
    fsm_.begin();
    fsm_.wait_for_piece(false, signs_, now);
    EXPECT_FALSE(fsm_.waits_for_piece(signs_, now)) << "nothing is accounted for";
    for (const bool expendable : {true, false}) {
        fsm_.begin();
        fsm_.allow(true);
        fsm_.take({1, 2, 3, 4}, false);
        send(plan());
        EXPECT_EQ(fsm_.wants_hold(expendable, signs_), !expendable);
        fsm_.wait_for_piece(expendable, signs_, now);
        EXPECT_EQ(fsm_.waits_for_piece(signs_, now).has_value(), !expendable);
    }
    EXPECT_FALSE(fsm_.waits_for_piece(signs_, now + seconds{1})) << "a second at most";
    signs_.tap.held_piece = 3;
    EXPECT_FALSE(fsm_.waits_for_piece(signs_, now)) << "it is there";
    fsm_.on_stop_sent(signs_);
    fsm_.on_stopped(true, signs_);
    EXPECT_TRUE(fsm_.stopped_safely());
}

}  // namespace
}  // namespace corral::engine::ax_poll
