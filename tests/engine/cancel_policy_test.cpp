#include "engine/streaming/cancel_policy.hpp"

#include <gtest/gtest.h>

namespace corral::engine::streaming {
namespace {

using core::seconds;

TEST(cancel_policy, replaces_a_server_that_loads_sooner_than_its_answer_ends) {
    const struct {
        unwanted_answer of;
        bool replaced;
        seconds free;
    } table[] = {
        {{.left = seconds{30}}, false, seconds{30}},
        {{.left = seconds{30}, .load = seconds{2}}, true, seconds{2}},
        {{.left = seconds{30}, .load = seconds{30}}, false, seconds{60}},
        {{.left = seconds{30}, .load = seconds{40}}, false, seconds{70}},
        {{.left = seconds{1}, .load = seconds{2}}, false, seconds{3}},
        {{.left = seconds{30}, .own = seconds{1}, .load = seconds{2}}, false, seconds{1}},
        {{.left = seconds{30}, .own = seconds{9}, .load = seconds{2}}, true, seconds{2}},
        {{.left = seconds{30}, .own = seconds{90}, .load = seconds{40}}, false, seconds{70}},
        {{.left = seconds{30}, .load = seconds{2}, .alone = false}, false, seconds{32}},
    };
    for (const auto& row : table) {
        EXPECT_EQ(replaces(row.of), row.replaced) << "row " << (&row - table);
        EXPECT_EQ(until_free(row.of), row.free) << "row " << (&row - table);
    }
}

}  // namespace
}  // namespace corral::engine::streaming
