#include "engine/streaming/stated_logprobs.hpp"

#include <gtest/gtest.h>

#include <string>

#include "corral/catalog/traits.hpp"
#include "engine/dialects/ollama_remote/remote_protocol.hpp"
#include "engine/dialects/openai_sse/openai_protocol.hpp"

namespace corral::engine {
namespace {

using nlohmann::json;

std::string shown(const chat::token_logprobs& all) {
    std::string out;
    for (const chat::token_logprob& each : all) {
        out += each.written.bytes + "=" + std::to_string(static_cast<int>(each.written.logprob * 100));
        for (const chat::token_chance& other : each.likeliest) {
            out += "," + other.bytes + "=" + std::to_string(static_cast<int>(other.logprob * 100));
        }
        out += ";";
    }
    return out;
}

TEST(stated_logprobs, a_token_that_is_a_part_of_a_character_keeps_its_bytes) {
    const json list = json::parse(
        R"([{"id":1,"token":"\ufffd","bytes":[195],"logprob":-0.25,"top_logprobs":[{"token":"a","logprob":-1.5}]}])");
    EXPECT_EQ(shown(streaming::logprobs_in(list, 20)), "\xC3=-25,a=-150;");
    EXPECT_EQ(shown(streaming::logprobs_in(list, 0)), "\xC3=-25;");
}

TEST(stated_logprobs, what_can_not_be_is_bounded_or_left_out) {
    const json list = json::parse(
        R"([{"token":"a","logprob":1e300},{"token":"b","logprob":-3.4e38},{"token":"c","logprob":null},{"token":7,
        "logprob":-1},"x",{"token":"d","bytes":[256],"logprob":-1},{"token":"e","bytes":"no","logprob":-1,"top_logprobs":{}}])");
    EXPECT_EQ(shown(streaming::logprobs_in(list, 20)), "a=0;b=-999900;d=-100;e=-100;");
    EXPECT_TRUE(streaming::logprobs_in(json::object(), 20).empty());
    EXPECT_TRUE(streaming::completion_logprobs_in(json::array(), 20).empty());
}

TEST(stated_logprobs, those_of_completions_are_put_in_order) {
    const json object = json::parse(
        R"({"tokens":["a","b"],"token_logprobs":[-0.5,null],"top_logprobs":[{"z":-2,"a":-0.5,"y":-1},null]})");
    EXPECT_EQ(shown(streaming::completion_logprobs_in(object, 2)), "a=-50,a=-50,y=-100;");
}

TEST(stated_logprobs, each_server_is_asked_in_its_own_terms) {
    struct wish {
        catalog::logprob_form form;
        bool verbatim;
        std::uint32_t top;
        const char* members;
    };
    using catalog::logprob_form;
    for (const wish& each :
         {wish{logprob_form::llama_cpp, false, 0, R"({"logprobs":true,"top_logprobs":1})"},
          wish{logprob_form::llama_cpp, false, 5, R"({"logprobs":true,"top_logprobs":5})"},
          wish{logprob_form::llama_cpp, true, 0, R"({"n_probs":1})"},
          wish{logprob_form::vllm, false, 0, R"({"logprobs":true,"top_logprobs":0})"},
          wish{logprob_form::vllm, true, 3, R"({"logprobs":3})"}, wish{logprob_form::none, false, 3, "{}"}}) {
        catalog::runtime_traits traits;
        traits.completion_target = "/v1/completions";
        traits.logprobs = each.form;
        run_spec what;
        what.prompt.turns = "hello";
        what.prompt.verbatim = each.verbatim;
        const openai_sse::openai_protocol protocol(traits);
        const json plain = json::parse(protocol.request_for(what)->body);
        what.top_logprobs = each.top;
        json asked = json::parse(protocol.request_for(what)->body);
        for (const auto& [key, value] : plain.items()) {
            EXPECT_EQ(asked[key], value);
            asked.erase(key);
        }
        EXPECT_EQ(asked, json::parse(each.members));
    }
}

TEST(stated_logprobs, a_server_elsewhere_tells_them_in_each_line) {
    run_spec what;
    what.prompt.messages = {{"user", "hello"}};
    const ollama_remote::remote_protocol protocol("m", 0);
    EXPECT_FALSE(json::parse(protocol.request_for(what)->body).contains("logprobs"));
    const std::string line =
        R"({"message":{"content":"Hi"},"done":false,"logprobs":[{"token":"Hi","logprob":-0.5,"bytes":[72,105]}]})"
        "\n";
    std::vector<streaming::answer_part> parts;
    ASSERT_TRUE(protocol.reader(what)->feed(line, parts));
    EXPECT_EQ(parts.size(), 1U) << "nobody asked";
    what.top_logprobs = 2;
    const json asked = json::parse(protocol.request_for(what)->body);
    EXPECT_EQ(asked["logprobs"], true);
    EXPECT_EQ(asked["top_logprobs"], 2);
    parts.clear();
    ASSERT_TRUE(protocol.reader(what)->feed(line, parts));
    ASSERT_EQ(parts.size(), 2U);
    EXPECT_EQ(shown(std::get<streaming::logprobs_part>(parts[0]).tokens), "Hi=-50;");
}

}  // namespace
}  // namespace corral::engine
