#include "corral/boxes/fleet_lists.hpp"

#include <gtest/gtest.h>

namespace corral::boxes {
namespace {

using json = nlohmann::ordered_json;

TEST(fleet_lists, have_each_name_once_and_the_first_box_counts) {
    const json one = json::parse(R"({"models":[{"name":"a:1","size":1},{"name":"b:1","size":2}]})");
    const json two = json::parse(R"({"models":[{"name":"A:1","size":9},{"name":"c:1","size":3}]})");
    EXPECT_EQ(joined_tags({one, two}),
              json::parse(
                  R"({"models":[{"name":"a:1","size":1},{"name":"b:1","size":2},{"name":"c:1","size":3}]})"));
    EXPECT_EQ(joined_models({json::parse(R"({"object":"list","data":[{"id":"a"},{"id":"b"}]})"),
                             json::parse(R"({"object":"list","data":[{"id":"b"}]})")}),
              json::parse(R"({"object":"list","data":[{"id":"a"},{"id":"b"}]})"));
}

TEST(fleet_lists, what_runs_on_several_boxes_is_told_with_its_last_end) {
    const json early = json::parse(R"({"models":[{"name":"a:1","expires_at":"2026-01-01T10:00:00Z"}]})");
    const json late = json::parse(R"({"models":[{"name":"a:1","expires_at":"2026-01-01T11:00:00Z"}]})");
    for (const auto& both : {std::vector{early, late}, std::vector{late, early}}) {
        EXPECT_EQ(joined_running(both), late);
    }
}

TEST(fleet_lists, of_boxes_that_tell_nonsense_are_empty) {
    for (const char* const text :
         {"{}", "[]", "null", R"({"models":{}})", R"({"models":[1,{"name":2},{}]})"}) {
        EXPECT_EQ(joined_tags({json::parse(text)}), json::parse(R"({"models":[]})")) << text;
        EXPECT_EQ(joined_running({json::parse(text)}), json::parse(R"({"models":[]})")) << text;
    }
}

}  // namespace
}  // namespace corral::boxes
