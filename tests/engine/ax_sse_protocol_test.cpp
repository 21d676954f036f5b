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

std::string read(std::string_view bytes, std::size_t piece) {
    ax_sse_reader reader;
    std::vector<streaming::answer_part> parts;
    std::string failed;
    for (std::size_t at = 0; at < bytes.size() && failed.empty(); at += piece) {
        const auto fed = reader.feed(bytes.substr(at, piece), parts);
        failed = fed ? "" : "failed: " + fed.error().message;
    }
    if (failed.empty()) {
        const auto ended = reader.finish(parts);
        failed = ended ? "" : "failed: " + ended.error().message;
    }
    std::string out;
    for (const auto& part : parts) {
        if (const auto* text = std::get_if<streaming::text_part>(&part)) {
            out += text->text;
        } else if (const auto* finish = std::get_if<streaming::finish_part>(&part)) {
            out += "[finish " + finish->word + "]";
        } else if (const auto* error = std::get_if<streaming::error_part>(&part)) {
            out += "[error " + error->message + "]";
        } else {
            out += std::holds_alternative<streaming::end_part>(part) ? "[end]" : "[?]";
        }
    }
    return out + failed;
}

// As main_api of 355e18a writes it.
const std::string recorded =
    R"(data: {"choices":[{"delta":{"role":"assistant"},"finish_reason":null,"index":0}],"id":"cmpl-1"})"
    "\n\n"
    R"(data: {"choices":[{"delta":{"content":"你 \n"},"finish_reason":null,"index":0}],"id":"cmpl-1"})"
    "\n\n"
    R"(data: {"choices":[{"delta":{"content":""},"finish_reason":null,"index":0}],"id":"cmpl-1"})"
    "\n\n"
    R"(data: {"choices":[{"delta":{"content":"data: \"x\""},"finish_reason":null,"index":0}],"id":"cmpl-1"})"
    "\n\n"
    R"(data: {"choices":[{"delta":{},"finish_reason":"stop","index":0}],"id":"cmpl-1"})"
    "\n\n"
    "data: [DONE]\n\n";

TEST(ax_sse_reader, reads_a_recorded_stream_at_every_cut) {
    for (std::size_t piece = 1; piece <= recorded.size(); ++piece) {
        EXPECT_EQ(read(recorded, piece), "你 \ndata: \"x\"[finish stop][end]") << piece;
    }
}

TEST(ax_sse_reader, reads_a_whole_answer_and_nothing_behind_the_end) {
    EXPECT_EQ(
        read(R"({"choices":[{"finish_reason":"stop","message":{"content":"hi","role":"assistant"}}]})", 7),
        "hi[finish stop][end]");
    EXPECT_EQ(read("data: [DONE]\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"late\"}}]}\n\n", 9),
              "[end]");
}

TEST(ax_sse_reader, without_its_last_event_there_is_no_end) {
    EXPECT_EQ(read(recorded.substr(0, recorded.find("data: [DONE]")), 11), "你 \ndata: \"x\"[finish stop]");
}

TEST(ax_sse_reader, errors_and_garbage_are_told_apart) {
    EXPECT_EQ(read("data: {\"error\":{\"message\":\"lost\"}}\n\n", 5), "[error lost]");
    for (const char* bytes :
         {"data: x\n\n", "data: []\n\n", "data: {}\n\n", "data: {\"choices\":1}\n\n", "{\"choices\":["}) {
        EXPECT_EQ(read(bytes, 4).substr(0, 7), "failed:") << bytes;
    }
    EXPECT_EQ(read("data: " + std::string(5000, '[') + "\n\n", 64).substr(0, 7), "failed:");
}

TEST(ax_sse_reader, an_answer_that_is_code_is_no_depth) {
    const std::string code(100, '{');
    ax_sse_reader reader;
    std::vector<streaming::answer_part> parts;
    ASSERT_TRUE(reader.feed("data: {\"choices\":[{\"delta\":{\"content\":\"" + code + "\"}}]}\n\n", parts));
    ASSERT_EQ(parts.size(), 1U);
    EXPECT_EQ(std::get<streaming::text_part>(parts[0]).text, code);
}

}  // namespace
}  // namespace corral::engine::ax_sse
