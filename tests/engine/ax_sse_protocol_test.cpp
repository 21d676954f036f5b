#include "engine/dialects/ax_sse/ax_sse_protocol.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace corral::engine::ax_sse {
namespace {

using nlohmann::json;

ax_sse_protocol protocol() {
    catalog::runtime_traits traits;
    traits.model_name = "AXERA-TECH/Qwen3-1.7B";
    traits.busy_statuses = {400};
    return {std::move(traits), catalog::sampling_defaults{}, 151936};
}

run_spec spec() {
    run_spec out;
    out.prompt.system = "Be brief.";
    out.prompt.turns = "one<|im_end|>\n<|im_start|>user\ntwo";
    return out;
}

TEST(ax_sse_protocol, sends_the_complete_sampling_set_under_the_older_names) {
    run_spec what = spec();
    what.sampling.top_p = 0.5;
    what.sampling.repeat_penalty = 1.0;
    what.max_tokens = 5;
    const auto asked = protocol().request_for(what);
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->target, "/v1/chat/completions");
    const json body = json::parse(asked->body);
    EXPECT_EQ(body["model"], "AXERA-TECH/Qwen3-1.7B");
    EXPECT_EQ(body["stream"], true);
    EXPECT_EQ(body["top-p"], 0.5);
    EXPECT_FALSE(body.contains("top-k"));
    EXPECT_EQ(body["temperature"], 0.8);
    EXPECT_EQ(body["repetition_penalty"], 1.0002) << "an earlier penalty would stay otherwise";
    EXPECT_EQ(body["messages"], json::parse(R"([{"role":"system","content":"Be brief."},
        {"role":"user","content":"one<|im_end|>\n<|im_start|>user\ntwo"}])"));
}

TEST(ax_sse_protocol, sends_the_turns_as_messages_where_they_are_known) {
    run_spec what = spec();
    what.prompt.messages = {{"user", "one"}, {"assistant", "two"}, {"user", "three"}};
    const auto asked = protocol().request_for(what);
    ASSERT_TRUE(asked);
    EXPECT_EQ(json::parse(asked->body)["messages"].size(), 3U);
    what.prompt.verbatim = true;
    EXPECT_EQ(protocol().request_for(what).error().code, core::errc::refused);
}

TEST(ax_sse_protocol, knows_its_context_by_the_line_that_says_it) {
    const auto said = [](std::string_view line) { return protocol().sizes_in_line(line).context; };
    EXPECT_EQ(said("\x1b[1;30;32m[I][                            Init][ 221]: max_token_len : 2559\x1b[0m"),
              2559U);
    EXPECT_EQ(said("[I][                            Init][ 221]: max_token_len : many"), 0U);
    EXPECT_EQ(said("[I][                            Init][ 221]: max_token_len : 99999999999"), 0U);
    EXPECT_EQ(said("a user asks what ]: max_token_len : 16 means"), 0U);
}

TEST(ax_sse_protocol, tells_busy_by_the_sentence_and_names_the_build_that_it_does_not_drive) {
    EXPECT_TRUE(protocol().error_of(400, R"({"error": "LLM is running"})").busy);
    EXPECT_TRUE(protocol().error_of(400, R"({"error": "llm is running"})").busy);
    EXPECT_FALSE(protocol().error_of(400, R"({"error": "Model initing"})").busy);
    EXPECT_FALSE(protocol().error_of(500, R"({"error": "LLM is running"})").busy);
    const auto older = protocol().error_of(400, R"({"error": "Invalid request format"})");
    EXPECT_FALSE(older.busy);
    EXPECT_NE(older.message.find("keeps the conversations"), std::string::npos);
}

}  // namespace
}  // namespace corral::engine::ax_sse
