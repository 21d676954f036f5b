// Random walks of the polled cycle. More steps: CORRAL_WALK_STEPS=1000000.

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "explored_cycle.hpp"
#include "explorer.hpp"
#include "walked_cycle.hpp"

namespace corral::engine::ax_poll {
namespace {

TEST(cycle_fsm_walk, the_promises_hold_in_any_order_of_events) {
    const char* const wanted = std::getenv("CORRAL_WALK_STEPS");
    const std::size_t most = wanted == nullptr ? 60'000 : std::stoul(wanted);
    walked_cycle::counts all;
    std::size_t failures = 0;
    std::vector<std::string> shortest;
    std::string rule;
    for (std::uint64_t seed = 1; all.steps < most; ++seed) {
        walked_cycle one(seed);
        const std::string wrong = one.go();
        all.steps += one.seen().steps;
        all.answers += one.seen().answers;
        all.continued += one.seen().continued;
        all.contradicted += one.seen().contradicted;
        all.ahead += one.seen().ahead;
        all.ahead_hits += one.seen().ahead_hits;
        if (wrong.empty()) {
            continue;
        }
        ++failures;
        if (shortest.empty() || one.trace().size() < shortest.size()) {
            shortest = one.trace();
            rule = "seed " + std::to_string(seed) + ": " + wrong;
        }
    }
    std::string told;
    for (const std::string& line : shortest) {
        told += "\n" + line;
    }
    EXPECT_EQ(failures, 0U) << rule << told;
    EXPECT_GT(all.answers, all.steps / 500) << "the walks never got far";
    EXPECT_GT(all.continued, all.answers / 10);
    EXPECT_GT(all.contradicted, 0U);
    EXPECT_GT(all.ahead_hits, all.ahead / 20);
    std::printf(
        "%zu steps, %zu answers, %zu prompts behind the cache, %zu of them behind one of %zu beginnings "
        "computed "
        "ahead, %zu contradicted\n",
        all.steps, all.answers, all.continued, all.ahead_hits, all.ahead, all.contradicted);
}

// Every order of a few answers, failures and moves of a polled runtime, from each step of a turn.
TEST(cycle_fsm_explore, every_order_of_a_few_events_keeps_the_promises) {
    test::explorer<explored_cycle> all(2);
    for (const explored_mode how : {explored_mode::tapped, explored_mode::untapped,
                                    explored_mode::keeps_nothing, explored_mode::endless}) {
        std::vector<explored_cycle::step> way;
        for (explored_cycle each(how); !each.over();) {
            way.push_back(each.natural());
            ASSERT_EQ(each.happen(way.back()), "");
        }
        all.explore_along(explored_cycle(how), way);
    }
    all.expect_all_well("polled cycle");
}

}  // namespace
}  // namespace corral::engine::ax_poll
