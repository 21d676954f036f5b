#include "engine/dialects/ax_poll/beginning_policy.hpp"

#include <numeric>

#include <gtest/gtest.h>

namespace corral::engine::ax_poll {
namespace {

using namespace std::chrono_literals;
using enum next_turn;

constexpr catalog::context_sizes sizes{2559, 2048, 128, 0};

token_ids ids(std::size_t count, int first = 0) {
    token_ids out(count);
    std::iota(out.begin(), out.end(), first);
    return out;
}

core::nanoseconds reading_of(std::size_t tokens) {
    return 580ms * static_cast<std::int64_t>((tokens + 127) / 128);
}

// The length of what is computed behind requests of that kind, a minute apart.
std::size_t computed(std::initializer_list<next_turn> turns, beginnings of) {
    ahead_policy seen;
    core::steady_time now{1000s};
    for (const next_turn each : turns) {
        seen.note(each, 20s, 8s, now += 60s);
    }
    return best_beginning(seen, std::move(of), sizes, reading_of).size();
}

TEST(beginning_policy, takes_the_one_that_spares_more) {
    EXPECT_EQ(computed({continues, continues}, {ids(900), ids(512), nullptr}), 900U);
    EXPECT_EQ(computed({shares, continues, shares, shares}, {ids(900), ids(512), nullptr}), 512U);
    EXPECT_EQ(computed({other, other}, {ids(900), ids(512), nullptr}), 0U);
}

TEST(beginning_policy, computes_nothing_that_the_cache_holds) {
    const token_ids held = ids(880);
    EXPECT_EQ(computed({continues, continues}, {ids(900), {}, &held}), 0U) << "less than a chunk is new";
    EXPECT_EQ(computed({continues, continues}, {ids(1100), {}, &held}), 1100U);
    const token_ids shared = ids(512);
    EXPECT_EQ(computed({shares, shares}, {{}, ids(512), &shared}), 0U);
}

// Two turns of a conversation have most of it in common, too.
TEST(beginning_policy, does_not_give_up_a_conversation_for_its_beginning) {
    const token_ids held = ids(900);
    EXPECT_EQ(computed({continues, continues, continues}, {ids(900), ids(640), &held}), 0U);
    EXPECT_EQ(
        computed({continues, continues, shares, continues, continues, shares}, {ids(937), ids(896), &held}),
        0U)
        << "where one answer of three is asked for again";
    EXPECT_EQ(computed({continues, shares, shares, shares}, {ids(900), ids(640), &held}), 640U)
        << "where commands come rather than further turns";
    const token_ids foreign = ids(900, 7);
    EXPECT_EQ(computed({shares, shares}, {{}, ids(640), &foreign}), 640U) << "of no use to either";
}

TEST(beginning_policy, keeps_to_what_a_reset_may_carry) {
    EXPECT_EQ(computed({continues, continues}, {ids(2000), {}, nullptr}), 1920U);
}

}  // namespace
}  // namespace corral::engine::ax_poll
