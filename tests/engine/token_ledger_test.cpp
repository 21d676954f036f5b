#include "engine/dialects/ax_poll/token_ledger.hpp"

#include <gtest/gtest.h>

namespace corral::engine::ax_poll {
namespace {

using kind = token_ledger::call_kind;

class token_ledger_test : public ::testing::Test {
protected:
    kind call(const token_ids& ids) { return ledger.on_decode(ids, wanted); }
    token_ledger ledger;
    token_ids wanted;
};

TEST_F(token_ledger_test, counts_a_run_that_met_its_end) {
    ledger.begin(std::nullopt);
    EXPECT_EQ(call({1, 2, 3}), kind::piece);
    EXPECT_EQ(wanted, (token_ids{1, 2, 3}));
    EXPECT_EQ(call({4, 5, 6}), kind::piece);
    EXPECT_EQ(call({7}), kind::piece);
    EXPECT_EQ(ledger.count(), 7U);
    EXPECT_FALSE(ledger.final_seen());
    EXPECT_EQ(call({1, 2, 3, 4, 5, 6, 7}), kind::final);
    EXPECT_TRUE(wanted.empty());
    EXPECT_EQ(ledger.count(), 7U);
    EXPECT_TRUE(ledger.tail().empty());
}

TEST_F(token_ledger_test, finds_the_tokens_that_a_full_context_keeps_from_the_polls) {
    ledger.begin(std::nullopt);
    (void)call({1, 2, 3});
    EXPECT_EQ(call({1, 2, 3, 4, 5}), kind::final);
    EXPECT_EQ(ledger.count(), 5U);
    EXPECT_EQ(ledger.tail(), (token_ids{4, 5}));
}

TEST_F(token_ledger_test, cuts_the_piece_that_goes_beyond_the_limit) {
    ledger.begin(4);
    (void)call({1, 2, 3});
    EXPECT_FALSE(ledger.limit_reached());
    (void)call({4, 5, 6});
    EXPECT_EQ(wanted, (token_ids{4}));
    EXPECT_TRUE(ledger.limit_reached());
    EXPECT_EQ(ledger.count(), 4U);
    (void)call({7, 8, 9});
    EXPECT_TRUE(wanted.empty());
    EXPECT_EQ(call({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}), kind::final);
    EXPECT_EQ(ledger.count(), 4U);
    EXPECT_TRUE(ledger.tail().empty());
}

TEST_F(token_ledger_test, a_limit_that_is_a_whole_piece_is_reached_with_it) {
    ledger.begin(3);
    (void)call({1, 2, 3});
    EXPECT_TRUE(ledger.limit_reached());
    EXPECT_EQ(wanted, (token_ids{1, 2, 3}));
}

TEST_F(token_ledger_test, a_piece_that_repeats_the_first_is_no_end_when_more_follows) {
    ledger.begin(std::nullopt);
    (void)call({7, 7, 7});
    EXPECT_EQ(call({7, 7, 7}), kind::perhaps_final);
    EXPECT_EQ(wanted, (token_ids{7, 7, 7}));
    EXPECT_EQ(call({7, 7, 7}), kind::piece);
    EXPECT_EQ(ledger.count(), 9U);
    EXPECT_EQ(call(token_ids(9, 7)), kind::final);
    EXPECT_EQ(ledger.count(), 9U);
}

TEST_F(token_ledger_test, a_short_run_ends_with_its_doubtful_call) {
    ledger.begin(std::nullopt);
    (void)call({5});
    EXPECT_EQ(call({5}), kind::perhaps_final);
    EXPECT_EQ(ledger.count(), 1U);
    EXPECT_TRUE(ledger.tail().empty());
}

TEST_F(token_ledger_test, a_new_run_knows_nothing_of_the_old) {
    ledger.begin(2);
    (void)call({1, 2, 3});
    ledger.begin(std::nullopt);
    EXPECT_EQ(ledger.count(), 0U);
    EXPECT_FALSE(ledger.limit_reached());
    EXPECT_EQ(call({1, 2, 3}), kind::piece);
}

}  // namespace
}  // namespace corral::engine::ax_poll
