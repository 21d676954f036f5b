// Answers of POST /v1/completions (docs/facts/ollama_wire.md#openai-completions).

#include "openai_fixture.hpp"

namespace corral::api::openai {
namespace {

const std::string path = "/v1/completions";
const std::string asked = R"({"model":"Tiny","prompt":"Hi")";
const std::string done = "data: [DONE]\n\n";
const std::string zeros =
    R"(,"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0,"prompt_tokens_details":{"cached_tokens":0}})";

std::string chunk(const std::string& text, const std::string& reason, const std::string& usage = "") {
    return R"(data: {"id":"cmpl-N","object":"text_completion","created":1,"choices":[{"text":")" + text +
           R"(","index":0,"finish_reason":)" + reason +
           R"(}],"model":"Tiny","system_fingerprint":"fp_ollama")" + usage + "}\n\n";
}

std::string object(const std::string& text, const std::string& reason, const std::string& usage) {
    return R"({"id":"cmpl-N","object":"text_completion","created":1,"model":"Tiny","system_fingerprint":"fp_ollama","choices":[{"text":")" +
           text + R"(","index":0,"finish_reason":")" + reason + R"("}],"usage":)" + usage + "}\n";
}

class openai_completion : public test::openai_test {
protected:
    std::string streamed(const std::string& body) {
        const auto got = ask("POST", path, body);
        EXPECT_EQ(got->answer.content_type, "text/event-stream");
        return normal(got->answer.body);
    }
};

TEST_F(openai_completion, a_stream_ends_with_a_chunk_that_has_the_reason) {
    say({"Hel", "lo"});
    EXPECT_EQ(streamed(asked + R"(,"stream":true})"),
              chunk("Hel", "null") + chunk("lo", "null") + chunk("", "\"stop\"") + done);
}

TEST_F(openai_completion, usage_is_zero_in_every_chunk_and_real_in_the_last) {
    say({"Hel"}, engine::run_end::length);
    EXPECT_EQ(
        streamed(asked + R"(,"stream":true,"stream_options":{"include_usage":true}})"),
        chunk("Hel", "null", zeros) + chunk("", "\"length\"", zeros) +
            R"(data: {"id":"cmpl-N","object":"text_completion","created":1,"choices":[],"model":"Tiny","system_fingerprint":"fp_ollama","usage":{"prompt_tokens":7,"completion_tokens":1,"total_tokens":8,"prompt_tokens_details":{"cached_tokens":0}}})" +
            "\n\n" + done);
}

TEST_F(openai_completion, a_whole_answer) {
    say({"Hel", "lo"});
    const auto got = ask("POST", path, asked + "}");
    EXPECT_EQ(got->answer.content_type, "application/json");
    EXPECT_EQ(
        normal(got->answer.body),
        object(
            "Hello", "stop",
            R"({"prompt_tokens":7,"completion_tokens":2,"total_tokens":9,"prompt_tokens_details":{"cached_tokens":0}})"));
}

TEST_F(openai_completion, tokens_that_were_not_computed_anew_are_told) {
    say({"Hel", "lo"});
    backend.otherwise.cached_tokens = 5;
    const std::string usage =
        R"({"prompt_tokens":7,"completion_tokens":2,"total_tokens":9,"prompt_tokens_details":{"cached_tokens":5}})";
    const auto got = ask("POST", path, asked + "}");
    EXPECT_EQ(normal(got->answer.body), object("Hello", "stop", usage));
    EXPECT_NE(streamed(asked + R"(,"stream":true,"stream_options":{"include_usage":true}})").find(usage),
              std::string::npos);
}

TEST_F(openai_completion, thinking_shows_only_as_life) {
    can({"completion", "thinking"}, "qwen3");
    say({"<think>\nhm", "</think>\n\nYes"});
    const std::string text = streamed(asked + R"(,"stream":true})");
    EXPECT_TRUE(text.starts_with(chunk("", "null"))) << text;
    EXPECT_TRUE(text.ends_with(chunk("Yes", "null") + chunk("", "\"stop\"") + done)) << text;
    EXPECT_EQ(text.find("hm"), std::string::npos);
    const auto whole = ask("POST", path, asked + "}");
    EXPECT_EQ(nlohmann::json::parse(whole->answer.body)["choices"][0]["text"], "Yes");
}

TEST_F(openai_completion, an_empty_prompt_loads_the_model) {
    const std::string nothing = R"({"model":"Tiny","prompt":"")";
    const auto whole = ask("POST", path, nothing + "}");
    EXPECT_EQ(
        normal(whole->answer.body),
        object(
            "", "load",
            R"({"prompt_tokens":0,"completion_tokens":0,"total_tokens":0,"prompt_tokens_details":{"cached_tokens":0}})"));
    EXPECT_EQ(streamed(nothing + R"(,"stream":true})"), chunk("", "\"load\"") + done);
    EXPECT_TRUE(backend.seen.empty());
    backend.set(engine::availability_state::loading);
    const auto broken = start("POST", path, nothing + "}");
    EXPECT_FALSE(broken->over);
    backend.set(engine::availability_state::broken, "no device");
    ASSERT_TRUE(test::run_until(io, [&] { return broken->over; }));
    EXPECT_EQ(broken->answer.status, 503U);
    const char* const told =
        "The model does not start. Corral tries again by itself; ask again in about a minute. "
        "'corral status' tells its operator why.";
    EXPECT_EQ(broken->answer.body, envelope("api_error", told) + "\n");
}

TEST_F(openai_completion, a_failure_after_text_is_an_error_event) {
    die({"half"});
    EXPECT_EQ(streamed(asked + R"(,"stream":true})"),
              chunk("half", "null") + "data: " + envelope("api_error", "the runtime died") + "\n\n");
}

TEST_F(openai_completion, silence_is_broken_by_a_comment) {
    be_impatient();
    backend.otherwise.gate_before_text = true;
    const auto got = start("POST", path, asked + R"(,"stream":true})");
    ASSERT_TRUE(test::run_until(io, [&] { return !got->answer.writes.empty(); }));
    EXPECT_EQ(got->answer.writes[0], ": keep-alive\n\n");
    backend.otherwise.gate_before_text = false;
    backend.open_gates();
    ASSERT_TRUE(test::run_until(io, [&] { return got->over; }));
    EXPECT_TRUE(got->answer.body.ends_with(done));
}

}  // namespace
}  // namespace corral::api::openai
