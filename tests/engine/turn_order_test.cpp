#include "engine/streaming/turn_order.hpp"

#include <gtest/gtest.h>

namespace corral::engine::streaming {
namespace {

using turns = std::vector<chat::role_text>;

std::string outline(const turns& of) {
    std::string out;
    for (const chat::role_text& one : of) {
        out += one.role + ":" + one.text + "|";
    }
    return out;
}

TEST(turn_order, is_made_plainer_until_nothing_is_left_to_try) {
    struct row {
        const char* why;
        turns asked;
        std::vector<std::string> tries;
    };
    const std::vector<row> rows{
        {"a question", {{"user", "q"}}, {}},
        {"nothing", {}, {}},
        {"a system prompt", {{"system", "s"}, {"user", "q"}}, {"user:s\n\nq|"}},
        {"an assistant who greets",
         {{"system", "s"}, {"assistant", "hi"}, {"user", "q"}},
         {"system:s|user:|assistant:hi|user:q|", "user:s|assistant:hi|user:q|"}},
        {"the same without a system prompt",
         {{"assistant", "hi"}, {"user", "q"}},
         {"user:|assistant:hi|user:q|"}},
        {"system prompts in the midst",
         {{"system", "s"},
          {"user", "q"},
          {"assistant", "a"},
          {"system", "t"},
          {"user", "r"},
          {"system", "v"}},
         {"system:s|user:q|assistant:a|user:t\n\nr\n\nv|", "user:s\n\nq|assistant:a|user:t\n\nr\n\nv|"}},
        {"one between two answers",
         {{"user", "q"}, {"assistant", "a"}, {"system", "t"}, {"assistant", "b"}, {"user", "r"}},
         {"user:q|assistant:a|user:t|assistant:b|user:r|"}},
        {"two of one role", {{"user", "q"}, {"user", "r"}}, {"user:q\n\nr|"}},
        {"a system prompt alone", {{"system", "s"}}, {}},
    };
    for (const row& each : rows) {
        turns left = each.asked;
        for (const std::string& next : each.tries) {
            EXPECT_TRUE(make_plainer(left)) << each.why;
            EXPECT_EQ(outline(left), next) << each.why;
        }
        EXPECT_FALSE(make_plainer(left)) << each.why << ": " << outline(left);
    }
}

TEST(turn_order, images_go_with_their_texts) {
    const auto picture = std::make_shared<const chat::image>();
    turns asked{{"user", "q", {picture}}, {"user", "r", {picture}}};
    ASSERT_TRUE(make_plainer(asked));
    EXPECT_EQ(asked.at(0).images.size(), 2U);
}

}  // namespace
}  // namespace corral::engine::streaming
