#include "engine/dialects/ax_poll/reuse_proof.hpp"

#include <gtest/gtest.h>

namespace corral::engine::ax_poll {
namespace {

using verdict = reuse_proof::verdict;

TEST(reuse_proof, says_which_token_differed_first) {
    const reuse_proof equal = compare_answers({{1, 2, 3}, {4}}, {{1, 2, 3}, {4}}, "2026-11-22");
    EXPECT_EQ(equal.says, verdict::equal);
    EXPECT_NE(equal.why.find("2026-11-22"), std::string::npos);
    const reuse_proof other = compare_answers({{1, 2, 3}, {4, 5, 6}}, {{1, 2, 3}, {4, 5, 7}}, "2026-11-22");
    EXPECT_EQ(other.says, verdict::different);
    EXPECT_EQ(other.why, "Token 3 of further turn 2 was 6 behind the cache and 7 anew, on 2026-11-22.");
    const reuse_proof shorter = compare_answers({{1, 2, 3}}, {{1, 2}}, "2026-11-22");
    EXPECT_EQ(shorter.why, "Token 3 of further turn 1 was 3 behind the cache and none anew, on 2026-11-22.");
    const reuse_proof longer = compare_answers({{1, 2}}, {{1, 2, 3}}, "2026-11-22");
    EXPECT_EQ(longer.says, verdict::different);
}

TEST(reuse_proof, no_answers_prove_nothing) {
    EXPECT_EQ(compare_answers({}, {}, "2026-11-22").says, verdict::open);
    EXPECT_EQ(compare_answers({{1}}, {}, "2026-11-22").says, verdict::open);
    EXPECT_EQ(compare_answers({{}}, {{}}, "2026-11-22").says, verdict::open);
}

TEST(reuse_proof, is_read_back_as_it_was_kept) {
    for (const reuse_proof& one :
         {compare_answers({{1}}, {{1}}, "2026-11-22"), compare_answers({{1}}, {{2}}, "2026-11-22")}) {
        const auto read = proof_of(text_of({.proof = one, .package = "/models/m", .of = {"07", "08", ""}}));
        ASSERT_TRUE(read);
        EXPECT_EQ(read->proof.says, one.says);
        EXPECT_EQ(read->proof.why, one.why);
        EXPECT_EQ(read->package, "/models/m");
        EXPECT_EQ(read->of.runtime + read->of.weights + read->of.card, "0708");
    }
    for (
        const char* text :
        {"", "{", "[]", "{}",
         R"({"equal": 1, "why": "x", "package": "/p", "runtime": "1", "weights": "2", "card": "3"})",
         R"({"equal": true, "why": "x"})",
         R"({"format": 2, "equal": true, "why": "x", "package": "/p", "runtime": "1", "weights": "2", "card": "3"})",
         R"({"equal": true, "why": "", "package": "/p", "runtime": "1", "weights": "2", "card": "3"})"}) {
        EXPECT_FALSE(proof_of(text)) << text;
    }
}

TEST(reuse_proof, a_box_that_is_never_idle_is_not_left_without_one) {
    using namespace std::chrono_literals;
    const auto pace = [](core::nanoseconds open_for) { return pace_of_proof(open_for, 10s, true); };
    EXPECT_EQ(pace(0s).idle, 10s);
    EXPECT_EQ(pace(59s).idle, 10s);
    EXPECT_EQ(pace(1min).idle, 500ms);
    EXPECT_FALSE(pace(119s).insists);
    EXPECT_TRUE(pace(2min).insists);
    EXPECT_EQ(pace_of_proof(0s, 10s, false).idle, 500ms) << "nobody has asked anything yet";
}

}  // namespace
}  // namespace corral::engine::ax_poll
