#include "corral/bench/verdict.hpp"

#include <gmock/gmock.h>

namespace corral::bench::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

measurement answered(const std::string& text, const std::string& thinking = {}) {
    measurement out;
    out.text = text;
    out.thinking = thinking;
    return out;
}

TEST(verdict, json_must_be_json_with_what_the_schema_requires) {
    prompt_test test;
    test.format = "json";
    EXPECT_THAT(why_wrong(test, answered(R"({"a": 1})")), IsEmpty());
    EXPECT_THAT(why_wrong(test, answered("Here it is: {}")), HasSubstr("no valid JSON"));
    EXPECT_THAT(why_wrong(test, answered("3")), HasSubstr("bare value"));
    measurement cut = answered(R"({"a": )");
    cut.truncated = true;
    EXPECT_THAT(why_wrong(test, cut),
                HasSubstr("the limit of 2048 tokens came before the JSON was complete"));
    test.format = R"({"type": "object", "required": ["name", "age"]})";
    EXPECT_THAT(why_wrong(test, answered(R"({"name": 1, "age": 2})")), IsEmpty());
    EXPECT_THAT(why_wrong(test, answered(R"({"name": 1})")), HasSubstr("lacks 'age'"));
}

TEST(verdict, a_plain_question_for_json_is_not_answered_by_prose) {
    prompt_test test;
    test.answer = "json";
    EXPECT_THAT(why_wrong(test, answered("The library of Avon opens at nine.")), HasSubstr("no valid JSON"));
    EXPECT_THAT(why_wrong(test, answered(R"({"name": "Avon"})")), IsEmpty());
}

TEST(verdict, a_tool_of_those_that_were_offered_must_be_called) {
    prompt_test test;
    test.tools = R"([{"type": "function", "function": {"name": "weather"}}])";
    EXPECT_THAT(why_wrong(test, answered("It rains.")), HasSubstr("no tool was called"));
    measurement called;
    called.tool_calls = 1;
    called.called = {"weather"};
    EXPECT_THAT(why_wrong(test, called), IsEmpty());
    called.called = {"wether"};
    EXPECT_THAT(why_wrong(test, called), HasSubstr("'wether' was called, which was not offered"));
}

TEST(verdict, thoughts_stay_apart) {
    prompt_test test;
    EXPECT_THAT(why_wrong(test, answered("<think>hm</think> 4")), IsEmpty()) << "nobody asked";
    test.think = true;
    EXPECT_THAT(why_wrong(test, answered("4", "hm")), IsEmpty());
    EXPECT_THAT(why_wrong(test, answered("<think>hm</think> 4")), HasSubstr("thoughts stand in the answer"));
    EXPECT_THAT(why_wrong(test, answered("4")), HasSubstr("no thoughts came apart"));
    EXPECT_THAT(why_wrong(test, answered("", "hm")), HasSubstr("but no answer"));
    test.think = false;
    EXPECT_THAT(why_wrong(test, answered("4")), IsEmpty());
    EXPECT_THAT(why_wrong(test, answered("4", "hm")), HasSubstr("asked not to"));
}

TEST(verdict, a_stop_text_ends_the_answer_before_it) {
    prompt_test test;
    test.stop = {"seven"};
    EXPECT_THAT(why_wrong(test, answered("five, six, ")), IsEmpty());
    EXPECT_THAT(why_wrong(test, answered("six, seven, eight")), HasSubstr("past the stop text 'seven'"));
}

TEST(verdict, what_a_model_lacks_is_not_asked_of_it) {
    prompt_test tools;
    tools.tools = "[]";
    prompt_test think;
    think.think = true;
    EXPECT_THAT(why_unable(tools, {"completion"}), HasSubstr("can't call tools"));
    EXPECT_THAT(why_unable(think, {"completion", "tools"}), HasSubstr("can't think"));
    EXPECT_THAT(why_unable(think, {"completion", "thinking"}), IsEmpty());
    EXPECT_THAT(why_unable(tools, {}), IsEmpty()) << "a server that tells no capabilities";
    EXPECT_TRUE(says_unable(tools, 400, "registry/x does not support tools"));
    EXPECT_FALSE(says_unable(think, 400, "registry/x does not support tools"));
    EXPECT_FALSE(says_unable(tools, 500, "registry/x does not support tools"));
}

}  // namespace
}  // namespace corral::bench::test
