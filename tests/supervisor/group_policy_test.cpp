#include "supervisor/group/group_core.hpp"

#include <gtest/gtest.h>

namespace corral::supervisor {
namespace {

using enum service_state;

// "kind index" of each order, in order.
std::string told(const std::vector<service_view>& services, bool wanted) {
    std::string all;
    for (const group_order& order : next_orders(services, wanted)) {
        all += std::string(to_string(order.event.what)) + " " + std::to_string(order.service) + "; ";
    }
    return all;
}

service_view view(service_state state, bool held = false, bool survive = false, bool wanted = true) {
    const bool alive = state == starting || state == ready || state == stopping;
    return {"s", state, wanted, held, survive, alive};
}

TEST(group_policy, a_service_runs_only_while_all_before_it_are_ready) {
    EXPECT_EQ(told({view(stopped), view(stopped), view(stopped)}, true), "hold 2; hold 1; ");
    EXPECT_EQ(told({view(starting), view(waiting, true), view(waiting, true)}, true), "");
    EXPECT_EQ(told({view(ready), view(waiting, true), view(waiting, true)}, true), "release 1; ");
    EXPECT_EQ(told({view(ready), view(ready), view(waiting, true)}, true), "release 2; ");
    EXPECT_EQ(told({view(ready), view(ready), view(ready)}, true), "");
}

TEST(group_policy, dependents_of_a_dead_service_are_held_last_first) {
    EXPECT_EQ(told({view(stopping), view(ready), view(ready)}, true), "hold 2; hold 1; ");
    EXPECT_EQ(told({view(ready), view(stopping), view(ready)}, true), "hold 2; ");
    EXPECT_EQ(told({view(ready), view(ready), view(stopping)}, true), "");
    EXPECT_EQ(told({view(broken), view(starting), view(waiting, true)}, true), "hold 1; ");
}

TEST(group_policy, dependents_that_survive_stay_while_they_run) {
    EXPECT_EQ(told({view(stopping, false, true), view(ready)}, true), "");
    EXPECT_EQ(told({view(waiting, false, true), view(starting)}, true), "");
    EXPECT_EQ(told({view(waiting, false, true), view(stopping)}, true), "hold 1; ")
        << "not started beside it";
    service_view launching = view(starting);
    launching.alive = false;
    EXPECT_EQ(told({view(waiting, false, true), launching}, true), "hold 1; ")
        << "a launch may fail, and come again";
}

TEST(group_policy, stops_the_last_first_and_lets_nothing_else_restart) {
    EXPECT_EQ(told({view(ready), view(ready)}, false), "stop 1; let_go 0; ");
    EXPECT_EQ(told({view(ready, false, false, false), view(stopping, false, false, false)}, false), "");
    EXPECT_EQ(told({view(ready, false, false, false), view(stopped, false, false, false)}, false),
              "stop 0; ");
    EXPECT_EQ(told({view(stopped, false, false, false), view(stopped, false, false, false)}, false), "");
    EXPECT_EQ(told({view(broken), view(waiting, true)}, false), "stop 1; let_go 0; ");
}

}  // namespace
}  // namespace corral::supervisor
