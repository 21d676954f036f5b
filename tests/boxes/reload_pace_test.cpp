#include "corral/boxes/reload_pace.hpp"

#include <gtest/gtest.h>

namespace corral::boxes {
namespace {

TEST(reload_pace, a_burst_is_allowed_and_restless_boxes_are_followed_slowly) {
    reload_pace pace;
    core::steady_time now{};
    std::size_t reloads = 0;
    for (unsigned second = 0; second < 3600; ++second, now += core::seconds(1)) {
        if (pace.may_reload(now)) {
            pace.note(now);
            ++reloads;
        }
        if (second == reload_pace::most - 1) {
            EXPECT_EQ(reloads, reload_pace::most) << "the first ones come at once";
        }
    }
    EXPECT_EQ(reloads, reload_pace::most * 3600 / reload_pace::span.count());
}

}  // namespace
}  // namespace corral::boxes
