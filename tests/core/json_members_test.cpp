#include "corral/core/json_members.hpp"

#include <gtest/gtest.h>

namespace corral::core {
namespace {

using json = nlohmann::ordered_json;

TEST(json_members, what_is_missing_or_of_another_type_is_as_if_it_were_empty) {
    const json of =
        json::parse(R"({"text":"x","flag":true,"whole":7,"real":7.5,"huge":1e300,"list":[1],"null":null})");
    EXPECT_EQ(text_at(of, "text"), "x");
    EXPECT_TRUE(flag_at(of, "flag"));
    EXPECT_EQ(number_at<int>(of, "whole"), 7);
    EXPECT_EQ(number_at<double>(of, "whole"), 7.0);
    EXPECT_EQ(number_at<double>(of, "real"), 7.5);
    EXPECT_EQ(list_at(of, "list").size(), 1U);
    ASSERT_NE(member(of, "null"), nullptr);
    for (const char* other : {"whole", "null", "none", "list"}) {
        EXPECT_EQ(text_at(of, other), "");
        EXPECT_FALSE(flag_at(of, other));
    }
    EXPECT_EQ(number_at<double>(of, "text"), std::nullopt);
    EXPECT_TRUE(list_at(of, "text").empty());
    EXPECT_EQ(member(of, "none"), nullptr);
}

TEST(json_members, no_fraction_and_no_giant_passes_for_a_whole_number) {
    const json of{{"real", 7.5}, {"huge", 1e300}};
    EXPECT_EQ(number_at<int>(of, "real"), std::nullopt);
    EXPECT_EQ(number_at<long long>(of, "huge"), std::nullopt);
}

TEST(json_members, of_what_is_no_object_there_are_none) {
    for (const json& of : {json(), json("text"), json(7), json::array({1, 2})}) {
        EXPECT_EQ(member(of, "a"), nullptr);
        EXPECT_EQ(text_at(of, "a"), "");
    }
}

}  // namespace
}  // namespace corral::core
