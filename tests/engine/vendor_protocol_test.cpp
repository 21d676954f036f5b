#include "engine/dialects/ax_poll/vendor_protocol.hpp"

#include <gtest/gtest.h>

namespace corral::engine::ax_poll {
namespace {

http::client_reply reply(unsigned status, std::string body) {
    http::client_reply out;
    out.status = status;
    out.body = std::move(body);
    return out;
}

TEST(vendor_protocol, reads_polls_as_observed) {
    const auto got = parse_poll(reply(200, "{\"done\":false,\"response\":\"h\u00e9 \\n\"}"));
    ASSERT_TRUE(got);
    EXPECT_FALSE(got->done);
    EXPECT_EQ(got->text, "h\u00e9 \n");
}

TEST(vendor_protocol, a_poll_that_is_not_whole_is_a_failure) {
    for (const char* body : {"", "{\"done\":true,\"resp", "{}", "[]", "{\"done\":1,\"response\":\"\"}"}) {
        EXPECT_FALSE(parse_poll(reply(200, body))) << body;
    }
    EXPECT_FALSE(parse_poll(reply(500, "{\"done\":true,\"response\":\"\"}")));
}

TEST(vendor_protocol, tells_busy_from_refused) {
    EXPECT_EQ(control_answer(reply(200, "{\"status\": \"ok\"}")).verdict, control_verdict::accepted);
    EXPECT_EQ(control_answer(reply(400, "{\"error\": \"llm is running\"}")).verdict, control_verdict::busy);
    EXPECT_EQ(control_answer(reply(400, "{\"error\": \"Invalid request format\"}")).verdict,
              control_verdict::refused);
    EXPECT_EQ(control_answer(reply(500, "")).verdict, control_verdict::refused);
    EXPECT_EQ(control_answer(reply(400, "")).verdict, control_verdict::refused);
}

TEST(vendor_protocol, writes_the_whole_sampling_set_with_the_runtimes_spelling) {
    wire_sampling sampling;
    sampling.top_k = 5;
    EXPECT_EQ(generate_body("a\"b", sampling),
              R"({"prompt":"a\"b","repetition_penalty":1.0002,"temperature":1.0,"top-k":5})");
    sampling.top_k.reset();
    sampling.top_p = 0.5;
    EXPECT_EQ(generate_body("", sampling),
              R"({"prompt":"","repetition_penalty":1.0002,"temperature":1.0,"top-p":0.5})");
}

TEST(vendor_protocol, bytes_that_are_no_text_do_not_break_the_request) {
    EXPECT_EQ(reset_body("a\xFFz"), "{\"system_prompt\":\"a\xEF\xBF\xBDz\"}");
}

TEST(vendor_protocol, a_reply_that_nests_too_deep_is_no_reply) {
    const std::string deep = "{\"done\":true,\"response\":\"\",\"x\":" + std::string(100'000, '[');
    EXPECT_FALSE(parse_poll(reply(200, deep + std::string(100'000, ']') + "}")));
    EXPECT_EQ(control_answer(reply(400, std::string(100'000, '['))).verdict, control_verdict::refused);
}

}  // namespace
}  // namespace corral::engine::ax_poll
