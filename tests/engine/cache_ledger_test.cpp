// The decision table of docs/facts/vendor_ax.md#decision-table, row by row.

#include "engine/dialects/ax_poll/cache_ledger.hpp"

#include <numeric>
#include <string>

#include <gtest/gtest.h>

namespace corral::engine::ax_poll {
namespace {

constexpr catalog::context_sizes sizes{
    .positions = 640, .prompt_limit = 512, .chunk = 32, .vocabulary = 1000};
using way = cache_plan::way;

token_ids row(std::size_t count, std::int64_t first = 1) {
    token_ids out(count);
    std::iota(out.begin(), out.end(), first);
    return out;
}
token_ids operator+(token_ids a, const token_ids& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}
// Ended by its end token, nobody stopped it.
finished_run ended(const token_ids& answer) {
    finished_run out;
    out.answer = answer;
    out.calls = static_cast<std::uint32_t>(answer.size() + 2) / 3 + 1;
    out.whole = true;
    out.as_planned = true;
    return out;
}

class cache_ledger_table : public ::testing::Test {
protected:
    void reset_and_send(const token_ids& prompt) {
        ledger.on_reset("ann");
        ledger.on_sent(prompt, 0);
    }
    // A conversation of `count` ids is held.
    void holds(std::size_t count) {
        reset_and_send(row(count - 3));
        ledger.conclude(ended(row(3, static_cast<std::int64_t>(count) - 2)), sizes);
        ASSERT_TRUE(ledger.known());
        ASSERT_EQ(ledger.held(), row(count));
    }
    [[nodiscard]] cache_plan plan(const token_ids& ids, const std::string& owner = "ann",
                                  bool anyone = false) const {
        return ledger.plan(ids, sizes, owner, anyone);
    }
    void expect_reset(const token_ids& ids, reset_reason why) const {
        const cache_plan got = plan(ids);
        EXPECT_EQ(got.how, way::reset);
        EXPECT_EQ(got.why, why) << to_string(got.why);
    }
    cache_ledger ledger;
    const token_ids prompt = row(40);
    const token_ids answer = row(6, 41);
};

TEST_F(cache_ledger_table, refuses_what_is_longer_than_the_largest_group) {
    EXPECT_EQ(plan(row(512)).how, way::reset);
    EXPECT_EQ(plan(row(513)).how, way::refuse);
    EXPECT_EQ(plan({}).how, way::refuse);
    holds(46);
    EXPECT_EQ(plan(row(513)).how, way::refuse);
    EXPECT_EQ(ledger.plan(row(10), {}, "ann", false).how, way::refuse) << "limits that nobody knows";
    const catalog::context_sizes short_of_positions{
        .positions = 100, .prompt_limit = 128, .chunk = 32, .vocabulary = 0};
    EXPECT_EQ(ledger.plan(row(99), short_of_positions, "ann", false).how, way::go_on);
    EXPECT_EQ(ledger.plan(row(100), short_of_positions, "ann", false).how, way::refuse);
}

TEST_F(cache_ledger_table, resets_what_it_does_not_know) {
    expect_reset(prompt, reset_reason::unknown);
    ledger.on_reset("ann");
    expect_reset(prompt, reset_reason::unknown);
    holds(46);
    ledger.forget();
    expect_reset(row(50), reset_reason::unknown);
    ledger.on_sent(row(50), 0);
    expect_reset(row(60), reset_reason::unknown);
}

TEST_F(cache_ledger_table, resets_what_does_not_begin_with_the_cache_or_has_nothing_new) {
    holds(46);
    expect_reset(row(46), reset_reason::same);
    expect_reset(row(45), reset_reason::differs);
    expect_reset(row(60, 2), reset_reason::differs);
    token_ids edited = row(60);
    edited[45] = 7;
    expect_reset(edited, reset_reason::differs);
    EXPECT_EQ(plan(row(47)).how, way::go_on);
    EXPECT_EQ(plan(row(47)).held, 46U);
}

TEST_F(cache_ledger_table, resets_what_has_no_room_in_whole_chunks) {
    for (const std::size_t held : {33U, 64U, 100U, 448U, 479U, 480U, 481U, 511U}) {
        holds(held);
        const std::size_t room = (512 - held) / 32 * 32;
        if (room > 0) {
            EXPECT_EQ(plan(row(held + room)).how, way::go_on) << held;
        }
        if (held + room < 512) {
            expect_reset(row(held + room + 1), reset_reason::room);
        }
    }
}

TEST_F(cache_ledger_table, goes_on_for_its_owner_only_unless_anyone_may) {
    holds(46);
    EXPECT_EQ(plan(row(60), "bob").how, way::reset);
    EXPECT_EQ(plan(row(60), "bob").why, reset_reason::owner);
    EXPECT_EQ(plan(row(60), "").how, way::reset);
    EXPECT_EQ(plan(row(60), "bob", true).how, way::go_on);
    EXPECT_FALSE(ledger.holds_beginning_of(row(50), sizes, "bob", false));
    EXPECT_TRUE(ledger.holds_beginning_of(row(50), sizes, "ann", false));
    EXPECT_TRUE(ledger.holds_beginning_of(row(46), sizes, "ann", false));
    EXPECT_FALSE(ledger.holds_beginning_of(row(45), sizes, "ann", false));
}

TEST_F(cache_ledger_table, row_1_anything_unplanned_leaves_it_unknown) {
    reset_and_send(prompt);
    finished_run run = ended(answer);
    run.as_planned = false;
    ledger.conclude(run, sizes);
    EXPECT_FALSE(ledger.known());
}

TEST_F(cache_ledger_table, row_2_a_last_call_that_is_not_all_pieces_leaves_it_unknown) {
    reset_and_send(prompt);
    finished_run run = ended(answer);
    run.whole = false;
    ledger.conclude(run, sizes);
    EXPECT_FALSE(ledger.known());
}

TEST_F(cache_ledger_table, row_3_a_run_that_nobody_stopped_is_held_with_its_answer) {
    reset_and_send(prompt);
    ledger.conclude(ended(answer), sizes);
    ASSERT_TRUE(ledger.known());
    EXPECT_EQ(ledger.held(), prompt + answer);
    EXPECT_TRUE(ledger.warm());
    for (const std::size_t made : {599U, 600U}) {
        reset_and_send(prompt);
        ledger.conclude(ended(row(made, 41)), sizes);
        EXPECT_EQ(ledger.known(), made == 599) << "the context was used up";
    }
}

TEST_F(cache_ledger_table, row_4_a_stop_at_a_held_piece_leaves_out_its_last_id_unless_it_is_short) {
    for (const std::size_t piece : {1U, 2U, 3U}) {
        reset_and_send(prompt);
        finished_run run = ended(answer);
        run.stops = 1;
        run.held_piece = piece;
        ledger.conclude(run, sizes);
        ASSERT_TRUE(ledger.known());
        EXPECT_EQ(ledger.held(), piece == 3 ? prompt + row(5, 41) : prompt + answer) << piece;
        EXPECT_TRUE(ledger.warm());
    }
}

TEST_F(cache_ledger_table, row_5_a_stop_in_the_prefill_of_a_continued_turn_rolls_back) {
    holds(46);
    finished_run run;
    run.answer = {999};
    run.calls = 1;
    run.as_planned = true;
    run.stops = 4;
    run.before_piece = true;
    ledger.on_sent(row(60), 46);
    ledger.conclude(run, sizes);
    ASSERT_TRUE(ledger.known());
    EXPECT_EQ(ledger.held(), row(46));
    EXPECT_TRUE(ledger.warm());
    EXPECT_EQ(plan(row(60)).how, way::go_on);

    for (const int change : {0, 1, 2, 3}) {
        holds(46);
        finished_run other = run;
        if (change == 0) {
            other.calls = 2;
        } else if (change == 1) {
            other.answer = {998, 999};
        } else if (change == 2) {
            other.before_piece = false;
        } else {
            other.stops = 0;
        }
        ledger.on_sent(row(60), 46);
        ledger.conclude(other, sizes);
        EXPECT_FALSE(ledger.known()) << change;
    }
    reset_and_send(row(60));
    ledger.conclude(run, sizes);
    EXPECT_FALSE(ledger.known()) << "rows of the conversation before are visible";
}

TEST_F(cache_ledger_table, row_6_any_other_stop_leaves_it_unknown) {
    for (const int change : {0, 1, 2}) {
        reset_and_send(prompt);
        finished_run run = ended(answer);
        run.stops = change == 0 ? 2 : 1;
        run.held_piece = change == 1 ? 0 : 3;
        run.piece_after = change == 2;
        ledger.conclude(run, sizes);
        EXPECT_FALSE(ledger.known()) << change;
    }
}

TEST_F(cache_ledger_table, an_end_without_a_prompt_says_nothing) {
    holds(46);
    ledger.conclude(ended(answer), sizes);
    EXPECT_EQ(ledger.held(), row(46));
    ledger.forget();
    ledger.conclude(ended(answer), sizes);
    EXPECT_FALSE(ledger.known());
}

}  // namespace
}  // namespace corral::engine::ax_poll
