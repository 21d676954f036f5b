// Another process reports what it likes, and a page of it must not fall over or spoil a terminal.

#include "cli/base/reported_fields.hpp"

#include <gtest/gtest.h>

namespace corral::cli {
namespace {

using json = nlohmann::ordered_json;

TEST(reported_fields, what_is_missing_or_of_another_kind_is_as_if_it_were_empty) {
    for (const json& of :
         {json::parse(R"({})"), json::parse(R"({"x":null})"), json::parse(R"({"x":{"x":1}})"),
          json::parse(R"(["x"])"), json::parse("7"), json()}) {
        EXPECT_EQ(reported_text(of, "x"), "") << of;
        EXPECT_FALSE(reported_number(of, "x")) << of;
        EXPECT_EQ(reported_amount(of, "x"), 0.0) << of;
        EXPECT_FALSE(reported_flag(of, "x")) << of;
        EXPECT_TRUE(reported_objects(of, "x").empty()) << of;
    }
}

TEST(reported_fields, texts_lose_what_a_terminal_would_obey_and_have_an_end) {
    const json of{{"x", "a\x1b[31mb"}, {"y", std::string(9000, 'y')}};
    EXPECT_EQ(reported_text(of, "x").find('\x1b'), std::string::npos);
    EXPECT_LT(reported_text(of, "y").size(), 2100U);
    EXPECT_LT(reported_text(of, "y", 10).size(), 20U);
}

TEST(reported_fields, gives_what_is_there) {
    const json of =
        json::parse(R"({"text":"a","number":1.5,"flag":true,"objects":[{"a":1},3,null,{"b":2}]})");
    EXPECT_EQ(reported_text(of, "text"), "a");
    EXPECT_EQ(reported_number(of, "number"), 1.5);
    EXPECT_EQ(reported_amount(of, "number"), 1.5);
    EXPECT_TRUE(reported_flag(of, "flag"));
    EXPECT_EQ(reported_objects(of, "objects").size(), 2U);
}

}  // namespace
}  // namespace corral::cli
