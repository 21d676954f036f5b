#include "engine/dialects/rkllm_gradio/gradio_protocol.hpp"

#include <gtest/gtest.h>

namespace corral::engine::rkllm_gradio {
namespace {

const std::string queue = "/gradio_api/call/get_RKLLM_output";

gradio_protocol protocol() {
    catalog::runtime_traits traits;
    traits.chat_target = queue;
    return gradio_protocol(traits);
}

run_spec spec() {
    run_spec out;
    out.prompt.system = "Be brief.";
    out.prompt.turns = "one<|im_end|>\n<|im_start|>assistant\ntwo<|im_end|>\n<|im_start|>user\nthree";
    return out;
}

struct went_on {
    bool so;
    http::stream_call call;
};

went_on behind(const std::string& target, unsigned status, const std::string& body) {
    went_on out{false, {}};
    out.call.target = target;
    out.call.body = "asked";
    out.so = protocol().next()(out.call, status, body);
    return out;
}

TEST(gradio_protocol, sends_a_history_of_one_message_that_holds_the_conversation) {
    const auto asked = protocol().request_for(spec());
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->target, queue);
    EXPECT_EQ(nlohmann::json::parse(asked->body), nlohmann::json::parse(R"({"data": [[[
        "Be brief.\n\none<|im_end|>\n<|im_start|>assistant\ntwo<|im_end|>\n<|im_start|>user\nthree", null]]]})"));
}

TEST(gradio_protocol, a_nul_and_bytes_that_are_no_utf8_do_not_spoil_the_request) {
    run_spec what = spec();
    what.prompt.turns = std::string("a\0b \xff", 5);
    const auto asked = protocol().request_for(what);
    ASSERT_TRUE(asked);
    EXPECT_NE(asked->body.find("ab \xef\xbf\xbd"), std::string::npos);
    what.prompt.verbatim = true;
    EXPECT_FALSE(protocol().request_for(what));
}

TEST(gradio_protocol, the_answer_is_read_at_the_event_that_it_names) {
    const went_on to = behind(queue, 200, R"({"event_id":"a9f930f6cbe2430ea93a45c7cac7d4b5"})");
    EXPECT_TRUE(to.so);
    EXPECT_EQ(to.call.method, "GET");
    EXPECT_EQ(to.call.target, queue + "/a9f930f6cbe2430ea93a45c7cac7d4b5");
    EXPECT_EQ(to.call.body, "");
}

TEST(gradio_protocol, gradio_4_is_asked_without_the_prefix) {
    const went_on to = behind(queue, 404, R"({"detail":"Not Found"})");
    EXPECT_TRUE(to.so);
    EXPECT_EQ(to.call.method, "POST");
    EXPECT_EQ(to.call.target, "/call/get_RKLLM_output");
    EXPECT_EQ(to.call.body, "asked");
    EXPECT_FALSE(behind(to.call.target, 404, "").so);
}

TEST(gradio_protocol, what_names_no_event_leads_nowhere) {
    for (const char* body :
         {"", "no json", "[]", "{}", R"({"event_id":5})", R"({"event_id":""})", R"({"event_id":"../x"})",
          R"({"event_id":"a b"})", R"({"event_id":"a\r\nHost: x"})"}) {
        EXPECT_FALSE(behind(queue, 200, body).so) << body;
    }
    EXPECT_FALSE(behind(queue, 200, R"({"event_id":")" + std::string(65, 'a') + "\"}").so);
    EXPECT_FALSE(behind(queue, 500, R"({"event_id":"a"})").so);
}

}  // namespace
}  // namespace corral::engine::rkllm_gradio
