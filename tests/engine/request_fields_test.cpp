#include "engine/streaming/request_fields.hpp"

#include <gtest/gtest.h>

namespace corral::engine::streaming {
namespace {

TEST(request_fields, sets_the_switch_deep_and_the_fixed_fields) {
    catalog::runtime_traits traits;
    traits.thinking_switch = "/chat_template_kwargs/enable_thinking";
    traits.extra = {{"cache_prompt", "false"}, {"n", "1"}};
    chat::rendered_prompt prompt;
    prompt.thinking = true;
    nlohmann::json body = nlohmann::json::object();
    ASSERT_TRUE(add_profile_fields(body, traits, prompt));
    EXPECT_EQ(body, nlohmann::json::parse(
                        R"({"chat_template_kwargs":{"enable_thinking":true},"cache_prompt":false,"n":1})"));
}

TEST(request_fields, a_wrong_profile_is_told_with_its_key) {
    const chat::rendered_prompt prompt;
    for (const char* pointer : {"enable_thinking", "/", "/a//b", "/messages/x"}) {
        catalog::runtime_traits traits;
        traits.thinking_switch = pointer;
        nlohmann::json body{{"messages", nlohmann::json::array()}};
        const auto added = add_profile_fields(body, traits, prompt);
        ASSERT_FALSE(added) << pointer;
        EXPECT_NE(added.error().message.text().find(pointer), std::string::npos);
    }
    catalog::runtime_traits traits;
    traits.extra = {{"seed", "4 2"}};
    nlohmann::json body = nlohmann::json::object();
    const auto added = add_profile_fields(body, traits, prompt);
    ASSERT_FALSE(added);
    EXPECT_NE(added.error().message.text().find("'seed'"), std::string::npos);
}

TEST(request_fields, reads_errors_of_every_shape) {
    EXPECT_EQ(sentence_of_error(R"({"error":{"code":400,"message":"too  long\n","type":"x"}})"), "too long");
    EXPECT_EQ(sentence_of_error(R"({"error": "LLM is running"})"), "LLM is running");
    EXPECT_EQ(sentence_of_error(R"({"object":"error","message":"flat","code":400})"), "flat");
    EXPECT_EQ(sentence_of_error(R"({"detail":"busy"})"), "busy");
    EXPECT_EQ(
        sentence_of_error(
            R"({"detail":[{"type":"missing","loc":["body","messages",0,"role"],"msg":"Field required"}]})"),
        "body.messages.0.role: Field required");
    EXPECT_EQ(sentence_of_error(R"({"detail":[{"loc":7,"msg":"no place"}, 1]})"), "no place");
    EXPECT_EQ(sentence_of_error(R"({"detail":[]})"), "");
    EXPECT_EQ(sentence_of_error(R"("plain")"), "plain");
    EXPECT_EQ(sentence_of_error("<title>404 Not Found</title>"), "404 Not Found");
    EXPECT_EQ(sentence_of_error("gibberish"), "");
    EXPECT_EQ(sentence_of_error(R"({"error":[1]})"), "");
    EXPECT_EQ(sentence_of_error(std::string(100'000, '[')), "");
}

TEST(request_fields, a_long_error_is_cut_between_characters) {
    std::string text;
    for (int i = 0; i < 300; ++i) {
        text += "\xe4\xbd\xa0";
    }
    const std::string said = sentence_of_error("{\"error\":\"" + text + "\"}");
    EXPECT_EQ(said.size(), 498U);
}

TEST(request_fields, an_error_that_quotes_code_is_told) {
    const std::string code(40, '{');
    EXPECT_EQ(sentence_of_error("{\"error\": {\"message\": \"bad " + code + "\"}}"), "bad " + code);
}

}  // namespace
}  // namespace corral::engine::streaming
