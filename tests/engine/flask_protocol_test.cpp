#include "engine/dialects/rkllm_flask/flask_protocol.hpp"

#include <gtest/gtest.h>

namespace corral::engine::rkllm_flask {
namespace {

catalog::runtime_traits traits() {
    catalog::runtime_traits out;
    out.chat_target = "/rkllm_chat";
    out.cumulative = true;
    out.thinking_switch = "/enable_thinking";
    out.busy_statuses = {503};
    return out;
}

run_spec spec() {
    run_spec out;
    out.prompt.system = "Be brief.";
    out.prompt.turns = "one<|im_end|>\n<|im_start|>assistant\ntwo<|im_end|>\n<|im_start|>user\nthree";
    out.sampling.temperature = 0.5;
    out.max_tokens = 7;
    return out;
}

TEST(flask_protocol, sends_the_whole_conversation_as_the_one_message_that_is_read) {
    const auto asked = flask_protocol(traits()).request_for(spec());
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->target, "/rkllm_chat");
    EXPECT_EQ(nlohmann::json::parse(asked->body), nlohmann::json::parse(R"({
        "messages": [{"role": "user", "content":
            "Be brief.\n\none<|im_end|>\n<|im_start|>assistant\ntwo<|im_end|>\n<|im_start|>user\nthree"}],
        "stream": true, "enable_thinking": false})"));
}

TEST(flask_protocol, thinking_follows_the_request_where_the_server_has_a_switch) {
    run_spec what = spec();
    what.prompt.thinking = true;
    const auto asked = flask_protocol(traits()).request_for(what);
    ASSERT_TRUE(asked);
    EXPECT_NE(asked->body.find("\"enable_thinking\":true"), std::string::npos);
    catalog::runtime_traits none = traits();
    none.thinking_switch.clear();
    const auto without = flask_protocol(none).request_for(what);
    ASSERT_TRUE(without);
    EXPECT_EQ(without->body.find("enable_thinking"), std::string::npos);
}

TEST(flask_protocol, bytes_that_are_no_utf8_do_not_spoil_the_request) {
    run_spec what = spec();
    what.prompt.turns = "broken \xff byte";
    const auto asked = flask_protocol(traits()).request_for(what);
    ASSERT_TRUE(asked);
    EXPECT_NE(asked->body.find("broken \xef\xbf\xbd byte"), std::string::npos);
}

TEST(flask_protocol, a_nul_does_not_cut_the_prompt_short) {
    run_spec what = spec();
    what.prompt.turns = std::string("before\0after", 12);
    const auto asked = flask_protocol(traits()).request_for(what);
    ASSERT_TRUE(asked);
    EXPECT_NE(asked->body.find("beforeafter"), std::string::npos);
}

TEST(flask_protocol, a_raw_prompt_is_refused_with_the_reason) {
    run_spec what = spec();
    what.prompt.verbatim = true;
    const auto asked = flask_protocol(traits()).request_for(what);
    ASSERT_FALSE(asked);
    EXPECT_EQ(asked.error().code, core::errc::refused);
    EXPECT_NE(asked.error().message.text().find("template"), std::string::npos);
}

TEST(flask_protocol, tells_busy_from_broken) {
    const flask_protocol protocol(traits());
    const auto busy = protocol.error_of(
        503, R"({"status":"error","message":"RKLLM_Server is busy! Maybe you can try again later."})");
    EXPECT_TRUE(busy.busy);
    EXPECT_EQ(busy.message, "RKLLM_Server is busy! Maybe you can try again later.");
    const auto page =
        protocol.error_of(500,
                          "<!doctype html>\n<html lang=en>\n<title>500 Internal Server Error</title>\n"
                          "<h1>Internal Server Error</h1>\n<p>The server encountered…</p>\n");
    EXPECT_FALSE(page.busy);
    EXPECT_EQ(page.status, 500U);
    EXPECT_EQ(page.message, "Internal Server Error");
    EXPECT_EQ(protocol.error_of(400, R"({"status":"error","message":"Invalid JSON data!"})").message,
              "Invalid JSON data!");
    EXPECT_EQ(protocol.error_of(500, "").message, "");
}

}  // namespace
}  // namespace corral::engine::rkllm_flask
