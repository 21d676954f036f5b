#include "generation/prompt_cuts.hpp"

#include <gtest/gtest.h>

#include "corral/core/utf8.hpp"

namespace corral::generation {
namespace {

chat::message turn(chat::role from, std::string content) {
    chat::message out;
    out.from = from;
    out.content = std::move(content);
    return out;
}

nlohmann::ordered_json tool(const std::string& name, const std::string& said = "Does it.") {
    return {{"type", "function"},
            {"function",
             {{"name", name},
              {"description", said},
              {"parameters",
               {{"type", "object"},
                {"properties",
                 {{"where", {{"type", "string"}, {"description", said}, {"enum", {"description"}}}}}}}}}}};
}

std::vector<std::string> names(const nlohmann::ordered_json& tools) {
    std::vector<std::string> out;
    for (const auto& one : tools) {
        out.push_back(one["function"]["name"]);
    }
    return out;
}

chat::generation_request asking(std::string text) {
    chat::generation_request out;
    out.messages.push_back(turn(chat::role::user, std::move(text)));
    return out;
}

TEST(prompt_cuts, the_oldest_turns_go_first) {
    auto whole = asking("newest");
    whole.tools = nlohmann::ordered_json::array({tool("a_tool")});
    whole.messages.insert(whole.messages.begin(), turn(chat::role::user, std::string(100, 'o')));
    prompt_cutter cutter(whole);
    EXPECT_TRUE(cutter.cut(50, 1000));
    EXPECT_EQ(cutter.cuts(), (prompt_cuts{.messages = 1}));
    EXPECT_EQ(cutter.rest().messages.size(), 1U);
    EXPECT_EQ(names(cutter.rest().tools), std::vector<std::string>{"a_tool"});
}

TEST(prompt_cuts, images_go_with_their_turns_and_before_words) {
    const auto image = std::make_shared<const chat::image>(chat::image{"image/png", "AAAA", 1});
    auto whole = asking("newest");
    for (int i = 0; i < 3; ++i) {
        whole.messages.insert(whole.messages.begin(),
                              {turn(chat::role::user, "look"), turn(chat::role::assistant, "yes")});
        whole.messages.front().images = {image};
    }
    whole.messages.back().images = {image};
    prompt_cutter cutter(whole);
    EXPECT_GT(cutter.bytes(), 4000U);
    EXPECT_TRUE(cutter.cut(1500, 3000));
    EXPECT_EQ(cutter.cuts(), (prompt_cuts{.messages = 3}));
    ASSERT_EQ(cutter.rest().messages.size(), 4U);
    EXPECT_EQ(cutter.rest().messages[1].images.size(), 1U);
    EXPECT_EQ(cutter.rest().messages.back().content, "newest");
}

TEST(prompt_cuts, tools_go_by_what_the_conversation_says_of_them) {
    auto whole = asking("Get the Weather, please");
    whole.tools = nlohmann::ordered_json::array(
        {tool("getWeather"), tool("called"), tool("unnamed_1"), tool("get_weather"), tool("unnamed_2")});
    chat::tool_call call;
    call.name = "called";
    call.arguments = nlohmann::ordered_json::object();
    whole.messages[0].calls.push_back(call);
    const std::size_t one = tool("unnamed_1").dump().size();
    prompt_cutter cutter(whole);
    EXPECT_TRUE(cutter.cut(one, 1000));
    EXPECT_EQ(names(cutter.rest().tools),
              (std::vector<std::string>{"getWeather", "called", "unnamed_1", "get_weather"}));
    EXPECT_TRUE(cutter.cut(one + 1, 1000));
    EXPECT_EQ(names(cutter.rest().tools), (std::vector<std::string>{"getWeather", "called"}));
    EXPECT_TRUE(cutter.cut(2 * one, 1000));
    EXPECT_EQ(names(cutter.rest().tools), std::vector<std::string>{"called"});
    EXPECT_EQ(cutter.cuts().tools, 4U);
}

TEST(prompt_cuts, tools_of_any_shape_can_go) {
    auto whole = asking("use them");
    whole.tools = nlohmann::ordered_json::parse(
        R"([5, null, {}, {"function":7}, {"function":{"name":8,"parameters":[{"description":9}]}}])");
    prompt_cutter cutter(whole);
    EXPECT_TRUE(cutter.cut(1000, 1000));
    EXPECT_EQ(cutter.cuts().tools, 5U);
    EXPECT_TRUE(cutter.rest().tools.is_null());
}

TEST(prompt_cuts, turns_come_back_where_tools_have_to_go) {
    auto whole = asking("newest");
    for (int i = 0; i < 8; ++i) {
        whole.messages.insert(whole.messages.begin(), turn(chat::role::user, std::string(100, 'o')));
    }
    whole.tools = nlohmann::ordered_json::array();
    for (int i = 0; i < 36; ++i) {
        whole.tools.push_back(tool("tool_" + std::to_string(i)));
    }
    prompt_cutter cutter(whole);
    const std::size_t all = whole.tools.dump().size() + 8 * 116;
    EXPECT_TRUE(cutter.cut(all - 1600, 2000));
    EXPECT_EQ(cutter.rest().messages.size(), 5U)
        << "a quarter of the room is 500 bytes: four turns and the newest";
    EXPECT_GT(cutter.cuts().tools, 20U);
}

TEST(prompt_cuts, descriptions_lose_all_but_their_first_sentence) {
    auto whole = asking("use it");
    whole.tools = nlohmann::ordered_json::array({tool("called", "First. " + std::string(300, 'x'))});
    chat::tool_call call;
    call.name = "called";
    call.arguments = nlohmann::ordered_json::object();
    whole.messages[0].calls.push_back(call);
    prompt_cutter cutter(whole);
    EXPECT_TRUE(cutter.cut(400, 1000));
    const auto& function = cutter.rest().tools[0]["function"];
    EXPECT_EQ(function["description"], "First.");
    EXPECT_EQ(function["parameters"]["properties"]["where"]["description"], "First.");
    EXPECT_EQ(function["parameters"]["properties"]["where"]["enum"][0], "description");
    EXPECT_EQ(cutter.cuts(), (prompt_cuts{.descriptions = 1}));
    EXPECT_TRUE(cutter.cut(10, 1000));
    EXPECT_FALSE(
        cutter.rest().tools[0]["function"]["parameters"]["properties"]["where"].contains("description"));
    EXPECT_FALSE(cutter.cut(10, 1000)) << "nothing more can go";
}

TEST(prompt_cuts, the_longest_text_keeps_its_ends_and_whole_characters) {
    std::string text = "begin ";
    for (int i = 0; i < 500; ++i) {
        text += "\u4f60";
    }
    auto whole = asking(text + " end");
    whole.messages.insert(whole.messages.begin(), turn(chat::role::system, "Be brief."));
    for (std::size_t bytes = 300; bytes < 320; ++bytes) {
        prompt_cutter cutter(whole);
        EXPECT_TRUE(cutter.cut(bytes, 1000));
        EXPECT_TRUE(cutter.cut(bytes, 1000));
        const std::string& left = cutter.rest().messages[1].content;
        EXPECT_LE(left.size(), text.size() + 4 - 2 * bytes);
        EXPECT_EQ(left.compare(0, 6, "begin "), 0);
        EXPECT_EQ(left.substr(left.size() - 4), " end");
        EXPECT_EQ(left.find("left out"), left.rfind("left out")) << "one mark";
        for (std::string_view rest = left; !rest.empty();) {
            const std::size_t length = core::character_length(rest);
            ASSERT_GT(length, 0U) << "a character was cut in two";
            rest.remove_prefix(length);
        }
        EXPECT_EQ(cutter.rest().messages[0].content, "Be brief.");
    }
}

TEST(prompt_cuts, a_text_with_a_hole_loses_its_far_ends) {
    chat::generation_request whole;
    whole.hole = chat::fill_in_middle{std::string(1000, 'p') + "near", "close" + std::string(500, 's')};
    prompt_cutter cutter(whole);
    EXPECT_TRUE(cutter.cut(800, 1000));
    EXPECT_EQ(cutter.rest().hole->prefix.substr(cutter.rest().hole->prefix.size() - 4), "near");
    EXPECT_TRUE(cutter.cut(300, 1000));
    EXPECT_EQ(cutter.rest().hole->suffix.substr(0, 5), "close");
}

TEST(prompt_cuts, short_texts_stay_whole) {
    const auto whole = asking(std::string(160, 'x'));
    prompt_cutter cutter(whole);
    EXPECT_FALSE(cutter.cut(10, 1000));
    EXPECT_FALSE(cutter.cuts().any());
}

TEST(prompt_cuts, figures_name_the_parts_that_went) {
    EXPECT_EQ(to_text({}), "");
    EXPECT_EQ(to_text({.messages = 4, .tools = 33, .descriptions = 3, .text_bytes = 5120}),
              "messages=4, tools=33, descriptions=3, text-bytes=5120");
}

TEST(prompt_cuts, clients_are_remembered_for_an_hour_and_in_bounds) {
    shortened_requests told;
    const core::steady_time start{std::chrono::hours{100}};
    for (int i = 0; i < 100; ++i) {
        told.add("client-" + std::to_string(i), "m", {.tools = 1}, start);
    }
    EXPECT_EQ(told.warnings(start).size(), 32U);
    told.add("client-99", "m", {.tools = 2}, start + std::chrono::hours{1});
    const auto later = told.warnings(start + std::chrono::hours{1} + std::chrono::seconds{1});
    ASSERT_EQ(later.size(), 1U);
    EXPECT_NE(later[0].find("client-99"), std::string::npos);
    EXPECT_NE(later[0].find("(2, the last by tools=2)"), std::string::npos);
}

}  // namespace
}  // namespace corral::generation
