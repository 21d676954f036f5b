#include "engine/group_availability.hpp"

#include <chrono>

#include <gtest/gtest.h>

#include "supervisor/scripted_group.hpp"

namespace corral::engine {
namespace {

using supervisor::service_state;
using namespace std::chrono_literals;

supervisor::service_status service(service_state state, std::optional<core::nanoseconds> usual,
                                   std::optional<core::seconds> left = {}) {
    supervisor::service_status out;
    out.state = state;
    out.usual_load = usual;
    out.left = left;
    return out;
}

TEST(load_of, is_that_of_what_is_not_ready_one_after_the_other) {
    const auto ready = service(service_state::ready, 100ms);
    const auto waiting = service(service_state::waiting, 2s);
    EXPECT_EQ(load_of({ready, waiting}), core::nanoseconds(2s));
    EXPECT_EQ(load_of({service(service_state::stopping, 100ms), waiting}), core::nanoseconds(2100ms));
    EXPECT_EQ(load_of({ready, service(service_state::starting, 60s, core::seconds{7})}),
              core::nanoseconds(7s))
        << "what is left is better known than what it took";
}

TEST(load_of, a_loss_that_nobody_has_noticed_yet_will_cost_the_models_own_load) {
    EXPECT_EQ(load_of({service(service_state::ready, 100ms), service(service_state::ready, 2s)}),
              core::nanoseconds(2s));
}

TEST(load_of, nothing_is_made_up) {
    EXPECT_FALSE(load_of({}));
    EXPECT_FALSE(load_of({service(service_state::starting, {})}));
    EXPECT_FALSE(load_of({service(service_state::starting, 1s), service(service_state::stopped, {})}));
}

TEST(group_availability, says_whether_what_is_not_ready_comes_or_goes) {
    supervisor::scripted_group group("a");
    group.services[0] = service(service_state::stopping, {});
    EXPECT_FALSE(availability_of(group, "runtime").leaves) << "it is started again";
    group.is_wanted = false;
    EXPECT_TRUE(availability_of(group, "runtime").leaves);
}

}  // namespace
}  // namespace corral::engine
