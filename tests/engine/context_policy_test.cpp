#include "engine/dialects/ax_poll/context_policy.hpp"

#include <gtest/gtest.h>

namespace corral::engine::ax_poll {
namespace {

catalog::context_sizes sizes(std::uint32_t positions, std::uint32_t limit, std::uint32_t chunk) {
    catalog::context_sizes out;
    out.positions = positions;
    out.prompt_limit = limit;
    out.chunk = chunk;
    return out;
}

// The edges that were verified on the real program (docs/facts/vendor_ax.md#context).
TEST(context_policy, agrees_with_the_runtime_at_its_edges) {
    EXPECT_EQ(most_turn_tokens(sizes(100, 48, 16), 6), 32U);
    EXPECT_EQ(most_turn_tokens(sizes(2559, 2048, 128), 105), 1920U);
    EXPECT_EQ(most_turn_tokens(sizes(2559, 2048, 128), 21), 1920U);
    EXPECT_EQ(most_turn_tokens(sizes(2559, 2048, 128), 128), 1920U);
    EXPECT_EQ(most_turn_tokens(sizes(2559, 2048, 128), 129), 1792U);
    EXPECT_EQ(most_turn_tokens(sizes(2559, 2048, 128), 1920), 128U);
    EXPECT_EQ(most_turn_tokens(sizes(2559, 2048, 128), 1921), 0U);
}

TEST(context_policy, never_exceeds_the_prompt_limit) {
    const catalog::context_sizes all = sizes(2559, 2048, 128);
    for (std::uint32_t system = 1; system <= 2048; ++system) {
        const std::uint32_t turns = most_turn_tokens(all, system);
        EXPECT_LE(system + turns, 2048U);
        EXPECT_EQ(turns % 128, 0U);
    }
}

TEST(context_policy, knows_nothing_while_sizes_are_unknown) {
    EXPECT_FALSE(known({}));
    EXPECT_EQ(most_turn_tokens({}, 1), 0U);
    EXPECT_EQ(most_system_tokens({}), 0U);
}

TEST(context_policy, leaves_room_for_an_answer) {
    EXPECT_EQ(most_turn_tokens(sizes(60, 64, 16), 10), 48U);
    EXPECT_EQ(most_turn_tokens(sizes(50, 64, 16), 10), 39U);
    EXPECT_EQ(most_output_tokens(sizes(256, 128, 32), 53), 204U);  // docs/facts/vendor_ax.md#lengths
}

TEST(context_policy, a_prompt_without_a_system_prompt_uses_all_the_room) {
    EXPECT_EQ(most_verbatim_tokens(sizes(2559, 2048, 128)), 2048U);
    EXPECT_EQ(most_verbatim_tokens(sizes(256, 128, 32)), 128U);
    EXPECT_EQ(most_verbatim_tokens(sizes(100, 48, 16)), 48U);
    EXPECT_EQ(most_verbatim_tokens(sizes(50, 64, 16)), 49U);
    EXPECT_EQ(most_verbatim_tokens(sizes(256, 32, 32)), 0U);
    EXPECT_EQ(most_verbatim_tokens({}), 0U);
}

TEST(context_policy, the_parts_of_such_a_prompt_fit_and_none_is_a_reset_of_one_token) {
    const catalog::context_sizes all = sizes(2559, 2048, 128);
    for (std::uint32_t count = 2; count <= 2048; ++count) {
        const std::uint32_t first = reset_share(all, count);
        EXPECT_NE(first, 1U) << "one alone is written past its buffers";
        EXPECT_LT(first, count);
        EXPECT_LE(count - first, most_turn_tokens(all, first)) << count;
    }
    EXPECT_EQ(reset_share({}, 2), 0U);
    EXPECT_EQ(reset_share({}, 3), 2U);
    EXPECT_EQ(reset_share({}, 1000), 16U);
}

TEST(context_policy, bound_is_above_a_byte_level_count) {
    EXPECT_GE(token_bound("abc"), 3U + 19U);
}

}  // namespace
}  // namespace corral::engine::ax_poll
