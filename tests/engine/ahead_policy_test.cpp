#include "engine/dialects/ax_poll/ahead_policy.hpp"

#include <initializer_list>
#include <numeric>

#include <gtest/gtest.h>

namespace corral::engine::ax_poll {
namespace {

using namespace std::chrono_literals;

using enum next_turn;

// Requests a minute apart, or as said.
ahead_policy after(std::initializer_list<next_turn> turns, core::nanoseconds apart = 60s,
                   core::nanoseconds pause = 20s) {
    ahead_policy out;
    core::steady_time now{1000s};
    for (const next_turn each : turns) {
        out.note(each, pause, 8s, now += apart);
    }
    return out;
}

TEST(ahead_policy, two_requests_have_to_show_what_comes_next) {
    EXPECT_FALSE(after({}).pays(true, 3s, 3s));
    EXPECT_FALSE(after({continues}).pays(true, 3s, 3s));
    EXPECT_TRUE(after({continues, continues}).pays(true, 3s, 3s));
    EXPECT_FALSE(after({continues, other, other}).pays(true, 3s, 3s));
    EXPECT_FALSE(after({continues, continues}).pays(true, 3s, 0s)) << "it is there already";
}

TEST(ahead_policy, a_common_beginning_serves_who_goes_on_too) {
    const ahead_policy mixed = after({shares, continues, shares, continues});
    EXPECT_EQ(mixed.odds(true), 0.5);
    EXPECT_EQ(mixed.odds(false), 1.0);
    EXPECT_FALSE(after({shares, shares, continues}).pays(true, 3s, 3s));
    EXPECT_TRUE(after({shares, shares, continues}).pays(false, 3s, 3s));
}

TEST(ahead_policy, only_the_last_eight_count) {
    EXPECT_EQ(after({other, other, continues, continues, continues, continues, continues, continues,
                     continues, continues})
                  .odds(true),
              1.0);
}

// A stranger waits for half of what takes 8 s, in the mean; one in four minutes is no matter, one in ten seconds is.
TEST(ahead_policy, others_may_wait_for_a_quarter_of_what_is_saved) {
    EXPECT_TRUE(after({continues, other, continues, continues, continues}, 60s).pays(true, 8s, 8s));
    EXPECT_FALSE(after({continues, other, continues, continues, continues}, 2s).pays(true, 8s, 8s));
    EXPECT_TRUE(after({continues, other, continues, continues, continues}, 2s).pays(true, 1s, 1s))
        << "a short one";
}

TEST(ahead_policy, the_share_is_as_configured) {
    ahead_policy policy = after({continues, other, continues, continues, continues}, 2s);
    policy.allow(1.0);
    EXPECT_TRUE(policy.pays(true, 8s, 8s));
    policy.hit(8s);
    policy.held_up(8s);
    EXPECT_TRUE(policy.pays(true, 8s, 8s)) << "as much as it saved";
    policy.held_up(300ms);
    EXPECT_FALSE(policy.pays(true, 8s, 8s));
}

int requests_until_it_pays(ahead_policy& policy) {
    int out = 0;
    for (; out < 10'000 && !policy.pays(true, 3s, 3s); ++out) {
        policy.note(continues, 5s, 3s, core::steady_time{60s * out});
    }
    return out;
}

TEST(ahead_policy, what_cost_others_more_than_a_quarter_ends_it_for_a_while) {
    ahead_policy policy = after({continues, continues, continues});
    policy.made();
    policy.hit(8s);
    policy.held_up(2s);
    EXPECT_TRUE(policy.pays(true, 3s, 3s));
    policy.held_up(300ms);
    EXPECT_EQ(requests_until_it_pays(policy), 32);
    EXPECT_EQ(policy.figures().made, 1U);
    EXPECT_EQ(policy.figures().hits, 1U);
    EXPECT_EQ(policy.figures().saved, core::nanoseconds{8s});
    EXPECT_EQ(policy.figures().waited, core::nanoseconds{2300ms});
}

TEST(ahead_policy, a_moment_is_no_wait) {
    ahead_policy policy = after({continues, continues, continues});
    for (int i = 0; i < 20; ++i) {
        policy.held_up(2ms);
    }
    EXPECT_TRUE(policy.pays(true, 3s, 3s));
}

TEST(ahead_policy, each_try_that_does_not_pay_back_makes_the_next_one_rarer) {
    ahead_policy policy = after({continues, continues, continues});
    for (const int requests : {32, 64, 128, 256, 256}) {
        policy.hit(3s);  // and not enough
        policy.held_up(1100ms);
        EXPECT_EQ(requests_until_it_pays(policy), requests);
    }
    for (int i = 0; i < 4 * 32; ++i) {  // of another kind: it saves, and nobody waits
        policy.note(continues, 5s, 3s, core::steady_time{60s * i});
        policy.hit(3s);
        EXPECT_TRUE(policy.pays(true, 3s, 3s));
    }
    policy.held_up(3s);
    EXPECT_TRUE(policy.pays(true, 3s, 3s)) << "it has earned that";
    policy.held_up(300s);
    EXPECT_EQ(requests_until_it_pays(policy), 32) << "and what was is forgotten";
}

// Somebody who asks so soon behind each second answer would have waited, had it been tried.
TEST(ahead_policy, it_stays_away_while_the_traffic_is_of_the_kind_that_does_not_pay) {
    ahead_policy policy = after({continues, continues, continues});
    policy.held_up(1s);
    for (int i = 0; i < 500; ++i) {
        policy.note(i % 2 == 0 ? continues : other, i % 2 == 0 ? 8s : 3s, 8s, core::steady_time{60s * i});
        ASSERT_FALSE(policy.pays(false, 1s, 3s));
    }
    EXPECT_LE(requests_until_it_pays(policy), 256);
}

TEST(ahead_policy, what_is_spared_are_the_chunks_that_are_read_less) {
    const auto reading_of = [](std::size_t tokens) -> core::nanoseconds {
        return 300ms * ((tokens + 127) / 128);
    };
    EXPECT_EQ(prefill_spared(501, 532, reading_of), core::nanoseconds{1200ms});
    EXPECT_EQ(prefill_spared(540, 571, reading_of), core::nanoseconds{1200ms})
        << "the last chunk is read anyway";
    EXPECT_EQ(prefill_spared(256, 300, reading_of), core::nanoseconds{600ms});
    EXPECT_EQ(prefill_spared(100, 120, reading_of), core::nanoseconds{0});
}

// A runtime that can't take it must not be killed with each answer.
TEST(ahead_policy, two_failures_of_late_end_it) {
    ahead_policy policy = after({continues, continues, continues});
    policy.failed();
    for (int i = 0; i < 40; ++i) {
        policy.made();
    }
    policy.failed();
    EXPECT_TRUE(policy.pays(true, 3s, 3s));
    policy.made();  // a short one
    policy.failed();
    EXPECT_FALSE(policy.pays(true, 3s, 3s));
    EXPECT_FALSE(policy.pays(false, 3s, 3s));
}

TEST(ahead_policy, it_begins_after_half_of_the_usual_pause) {
    EXPECT_EQ(after({}).pause(), core::nanoseconds{500ms});
    EXPECT_EQ(after({continues, continues}, 60s, 3s).pause(), core::nanoseconds{1500ms});
    EXPECT_EQ(after({continues, continues}, 60s, 20s).pause(), core::nanoseconds{2s});
    EXPECT_EQ(after({continues, continues}, 60s, 5ms).pause(), core::nanoseconds{200ms});
    EXPECT_EQ(after({other, other}, 60s, 5ms).pause(), core::nanoseconds{500ms}) << "they say nothing of it";
}

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
