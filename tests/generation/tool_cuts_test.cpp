#include "generation/prompt_cuts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace corral::generation {
namespace {

using json = nlohmann::ordered_json;
using testing::ElementsAre;

json tool(const std::string& name, const std::string& said = "Does it.") {
    return {{"type", "function"},
            {"function",
             {{"name", name},
              {"description", said},
              {"parameters",
               {{"type", "object"},
                {"title", "parameters"},
                {"properties",
                 {{"description", {{"type", "string"}, {"description", said}, {"enum", {"description"}}}}}},
                {"required", {"description"}}}}}}};
}

std::vector<std::string> names(const json& tools) {
    std::vector<std::string> out;
    for (const json& one : tools) {
        out.push_back(one["function"]["name"]);
    }
    return out;
}

std::vector<chat::message> asks(const std::string& text) {
    std::vector<chat::message> out(1);
    out[0].content = text;
    return out;
}

TEST(tool_cuts, descriptions_are_shortened_before_tools_go) {
    const std::string said = "First. " + std::string(300, 'x');
    const json whole = json::array({tool("one", said), tool("two", said)});
    json tools = whole;
    EXPECT_EQ(cut_tools(tools, asks("Hi"), tool_bytes(whole)).descriptions, 0U);
    EXPECT_EQ(tools, whole);
    const tool_cuts cuts = cut_tools(tools, asks("Hi"), tool_bytes(whole) - 1);
    EXPECT_EQ(cuts.tools, 0U);
    EXPECT_EQ(cuts.descriptions, 2U);
    EXPECT_EQ(tools, json::array({tool("one", "First."), tool("two", "First.")}));
    const std::size_t brief = tool_bytes(tools);
    tools = whole;
    EXPECT_EQ(cut_tools(tools, asks("Hi"), brief - 1).tools, 0U);
    const json signature = {
        {"type", "object"},
        {"properties", {{"description", {{"type", "string"}, {"enum", {"description"}}}}}},
        {"required", {"description"}}};
    EXPECT_EQ(tools[1]["function"]["parameters"], signature);
    EXPECT_EQ(tools[1]["function"]["description"], "First.");
    tools = whole;
    EXPECT_EQ(cut_tools(tools, asks("Hi"), 2 * signature.dump().size() + 160).tools, 0U);
    EXPECT_FALSE(tools[0]["function"].contains("description"));
    EXPECT_EQ(tools[0]["function"]["parameters"], signature);
}

TEST(tool_cuts, those_that_fit_the_question_stay_longest) {
    const json whole = json::array({tool("unlike"), tool("HassTurnOff", "Turns off a device."),
                                    tool("GetHTTPStatus"), tool("read_files", "Reads a file."),
                                    tool("other", "Opens the garage."), tool("called")});
    const auto best = [&](const std::string& text) {
        auto conversation = asks(text);
        json tools = whole;
        EXPECT_EQ(cut_tools(tools, conversation, 200).tools, 5U);
        return names(tools);
    };
    EXPECT_THAT(best("Turn off all lights in the kitchen"), ElementsAre("HassTurnOff"));
    EXPECT_THAT(best("what is the http status of example.org"), ElementsAre("GetHTTPStatus"));
    EXPECT_THAT(best("read the file a.py"), ElementsAre("read_files"));
    EXPECT_THAT(best("<context>a garage</context>\n<userRequest>\nread the file a.py\n</userRequest>"),
                ElementsAre("read_files"))
        << "as VS Code asks";
    EXPECT_THAT(best("is the garage open?"), ElementsAre("other"));
    EXPECT_THAT(best("Schalte bitte alles aus"), ElementsAre("unlike"))
        << "the client's order, where nothing else tells";
    auto conversation = asks("Turn off all lights");
    conversation.emplace_back().from = chat::role::assistant;
    conversation.back().calls.push_back({"", "called", json::object()});
    json tools = whole;
    EXPECT_EQ(cut_tools(tools, conversation, 400).tools, 4U);
    EXPECT_THAT(names(tools), ElementsAre("HassTurnOff", "called")) << "in the client's order";
}

std::vector<chat::message> after_calls(const std::vector<std::string>& called) {
    auto out = asks("Go on");
    for (const std::string& name : called) {
        out.emplace_back().from = chat::role::assistant;
        out.back().calls.push_back({"", name, json::object()});
        out.emplace_back().from = chat::role::tool;
        out.back().tool_name = name;
    }
    return out;
}

TEST(tool_cuts, a_demanded_tool_stays_whatever_else_would) {
    const json whole = json::array({tool("HassTurnOff"), tool("called"), tool("demanded"), tool("last")});
    auto conversation = after_calls({"called"});
    conversation[0].content = "Turn off all lights";
    json tools = whole;
    EXPECT_EQ(cut_tools(tools, conversation, tool_bytes(whole) - 1, {"demanded"}).tools, 3U);
    EXPECT_EQ(tools, json::array({tool("demanded")})) << "no other one can be called, and it is whole";
    tools = whole;
    EXPECT_EQ(cut_tools(tools, conversation, 200, {"demanded", "last"}).tools, 3U);
    EXPECT_THAT(names(tools), ElementsAre("demanded")) << "the client's order, where nothing else decides";
    for (const auto& demanded :
         {std::vector<std::string>{"last"}, std::vector<std::string>{"last", "demanded"}}) {
        tools = whole;
        EXPECT_EQ(cut_tools(tools, conversation, 0, demanded).tools, 3U);
        EXPECT_THAT(names(tools), ElementsAre("last")) << "without room, the shortest of them";
    }
    tools = whole;
    EXPECT_EQ(cut_tools(tools, conversation, 200, {"unknown"}).tools, 3U);
    EXPECT_THAT(names(tools), ElementsAre("called"));
}

TEST(tool_cuts, of_called_tools_the_newest_stay_and_a_further_call_of_them_changes_nothing) {
    const json whole =
        json::array({tool("aa"), tool("bb"), tool("cc"), tool("dd"), tool("ee"), tool("ff"), tool("gg")});
    const auto kept = [&](const std::vector<std::string>& called) {
        json tools = whole;
        EXPECT_EQ(cut_tools(tools, after_calls(called), 400).tools, 5U);
        return names(tools);
    };
    EXPECT_THAT(kept({"aa", "bb", "cc", "dd"}), ElementsAre("cc", "dd"));
    EXPECT_THAT(kept({"aa", "bb", "cc", "dd", "cc"}), ElementsAre("cc", "dd")) << "in the client's order";
    EXPECT_THAT(kept({"aa", "bb", "cc", "dd", "cc", "aa"}), ElementsAre("aa", "cc"));
}

TEST(tool_cuts, those_that_the_system_prompt_names_come_behind_those_called) {
    json whole = json::array({tool("HassTurnOff"), tool("read"), tool("Live"), tool("GetLiveContext"),
                              tool("called"), tool("HassTurnOffAll")});
    auto conversation = after_calls({"called"});
    conversation[0].content = "Turn off all lights";
    conversation.emplace_back().from = chat::role::system;
    conversation.back().content = "You can read the state of the home by the `GetLiveContext` tool.";
    json tools = whole;
    EXPECT_EQ(cut_tools(tools, conversation, 400).tools, 4U);
    EXPECT_THAT(names(tools), ElementsAre("GetLiveContext", "called"));
    conversation.back().content = "Not MyGetLiveContext or GetLiveContexts. Do read.";
    tools = whole;
    EXPECT_EQ(cut_tools(tools, conversation, 400).tools, 4U);
    EXPECT_THAT(names(tools), ElementsAre("called", "HassTurnOffAll"));
    conversation.back().content = "GetLiveContext, HassTurnOff, HassTurnOffAll";
    tools = whole;
    EXPECT_EQ(cut_tools(tools, conversation, 400).tools, 4U);
    EXPECT_THAT(names(tools), ElementsAre("called", "HassTurnOffAll")) << "many are named";
}

TEST(tool_cuts, tools_of_any_shape_can_go) {
    json tools = json::parse(
        R"([5, null, {}, {"function":7}, {"function":{"name":8,"description":[],"parameters":[{"description":9}]}}])");
    EXPECT_EQ(cut_tools(tools, {}, 20).tools, 2U);
    EXPECT_EQ(cut_tools(tools, {}, 0).tools, 3U);
    EXPECT_TRUE(tools.is_null());
    EXPECT_EQ(tool_bytes(tools), 0U);
}

}  // namespace
}  // namespace corral::generation
