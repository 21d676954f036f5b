// Every order of a few answers, failures and moves of a polled runtime, from each step of a turn.

#include <vector>

#include <gtest/gtest.h>

#include "explored_cycle.hpp"
#include "explorer.hpp"

namespace corral::engine::ax_poll {
namespace {

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
