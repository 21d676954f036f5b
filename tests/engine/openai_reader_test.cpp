// Answers of servers that speak OpenAI's chat completions, as each of them writes them.

#include "engine/dialects/openai_sse/openai_reader.hpp"

#include <gtest/gtest.h>

#include "corral/core/stated_number.hpp"

namespace corral::engine::openai_sse {
namespace {

struct heard {
    std::string text{};
    std::string thinking{};
    std::string finish{};
    std::string error{};
    std::uint32_t generated = 0;
    long long decode_ms = -1;
    bool end = false;
    bool failed = false;
    bool operator==(const heard&) const = default;
};

void hear(heard& into, const std::vector<streaming::answer_part>& parts) {
    for (const auto& part : parts) {
        if (const auto* text = std::get_if<streaming::text_part>(&part)) {
            into.text += text->text;
        } else if (const auto* thinking = std::get_if<streaming::thinking_part>(&part)) {
            into.thinking += thinking->text;
        } else if (const auto* finish = std::get_if<streaming::finish_part>(&part)) {
            into.finish = finish->word;
        } else if (const auto* error = std::get_if<streaming::error_part>(&part)) {
            into.error = error->message;
        } else if (const auto* usage = std::get_if<streaming::usage_part>(&part)) {
            into.generated = usage->generated_tokens;
        } else if (const auto* stages = std::get_if<streaming::stages_part>(&part)) {
            into.decode_ms =
                stages->stages.decode.value_or(core::nanoseconds{-1'000'000}).count() / 1'000'000;
        } else {
            into.end = true;
        }
    }
}

heard read(std::string_view body, std::size_t cut, const catalog::runtime_traits& traits = {}) {
    openai_reader reader(traits);
    heard out;
    std::vector<streaming::answer_part> parts;
    const bool fed = reader.feed(body.substr(0, cut), parts).has_value() &&
                     reader.feed(body.substr(cut), parts).has_value();
    out.failed = !fed || !reader.finish(parts).has_value();
    hear(out, parts);
    return out;
}

void expect_at_every_cut(std::string_view body, const heard& wanted,
                         const catalog::runtime_traits& traits = {}) {
    for (std::size_t cut = 0; cut <= body.size(); ++cut) {
        EXPECT_EQ(read(body, cut, traits), wanted) << "cut at " << cut;
    }
}

TEST(openai_reader, reads_what_was_not_computed_anew_where_the_server_says_it) {
    for (const auto& [details, cached] : std::vector<std::pair<std::string, std::uint32_t>>{
             {R"(,"prompt_tokens_details":{"cached_tokens":52})", 52},
             {R"(,"prompt_tokens_details":null)", 0},
             {R"(,"prompt_tokens_details":{"cached_tokens":-3})", 0},
             {R"(,"prompt_tokens_details":[7])", 0},
             {"", 0}}) {
        openai_reader reader{catalog::runtime_traits{}};
        std::vector<streaming::answer_part> parts;
        ASSERT_TRUE(
            reader.feed("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":80,\"completion_tokens\":7" +
                            details + "}}\n\n",
                        parts));
        ASSERT_EQ(parts.size(), 1U);
        EXPECT_EQ(std::get<streaming::usage_part>(parts[0]).cached_tokens, cached) << details;
    }
}

TEST(openai_reader, reads_llama_server_with_pings_timings_and_usage) {
    catalog::runtime_traits traits;
    traits.timings = catalog::timing_source::llama_cpp;
    expect_at_every_cut(
        "data: "
        "{\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":null},\"finish_reason\":null}]}\n\n"
        ":\n\n"
        "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"h\"}}]}\n\n"
        "data: {\"choices\":[{\"delta\":{\"reasoning\":\"m\"}}]}\n\n"
        "data: {\"choices\":[{\"delta\":{\"content\":\"data: \xC3\xA9\\n\"}}]}\n\n"
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],"
        "\"timings\":{\"prompt_ms\":12.5,\"predicted_ms\":40}}\n\n"
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":7}}\n\n"
        "data: [DONE]\n\n",
        {.text = "data: \xC3\xA9\n",
         .thinking = "hm",
         .finish = "stop",
         .generated = 7,
         .decode_ms = 40,
         .end = true},
        traits);
}

TEST(openai_reader, counts_and_times_that_no_run_can_have_are_the_most_there_is_or_none) {
    catalog::runtime_traits traits;
    traits.timings = catalog::timing_source::mindie;
    const auto told = [&](const std::string& count, const std::string& times) {
        return read("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":" + count +
                        ",\"completion_tokens\":" + count + "},\"prefill_time\":" + count +
                        ",\"decode_time_arr\":[" + times + "]}\n\n",
                    64, traits);
    };
    for (const char* most : {"18446744073709551615", "9223372036854775808", "1e308", "4294967296"}) {
        EXPECT_EQ(told(most, most).generated, core::most_stated) << most;
        EXPECT_EQ(told(most, std::string(most) + "," + most).decode_ms, 24 * 3600 * 1000) << most;
    }
    for (const char* none : {"-1", "\"7\"", "null", "true", "[1]", "{}"}) {
        EXPECT_EQ(told(none, none).generated, 0U) << none;
        EXPECT_EQ(told(none, none).decode_ms, 0) << none;
    }
}

TEST(openai_reader, reads_vllm_with_several_tokens_in_a_chunk_and_its_usage_in_an_event_of_its_own) {
    expect_at_every_cut(
        R"x(data: {"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]}

data: {"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"Hello there, "},"logprobs":null,"finish_reason":null}]}

data: {"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"you"},"logprobs":null,"finish_reason":"length","stop_reason":null}]}

data: {"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":9,"total_tokens":13,"completion_tokens":4}}

data: [DONE]

)x",
        {.text = "Hello there, you", .finish = "length", .generated = 4, .end = true});
}

TEST(openai_reader, reads_what_vllm_says_when_its_engine_dies_in_mid_answer) {
    expect_at_every_cut(
        R"x(data: {"choices":[{"index":0,"delta":{"content":"He"},"finish_reason":null}]}

data: {"error":{"message":"EngineCore encountered an issue.","type":"InternalServerError","param":null,"code":500}}

data: [DONE]

)x",
        {.text = "He", .error = "EngineCore encountered an issue", .end = true});
}

TEST(openai_reader, a_run_that_vllms_engine_gave_up_is_no_whole_answer) {
    for (const std::string word : {"abort", "error"}) {
        expect_at_every_cut(
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"He\"}}]}\n\n"
            "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"" +
                word + "\"}]}\n\ndata: [DONE]\n\n",
            {.text = "He", .error = "finish_reason " + word, .end = true});
    }
}

TEST(openai_reader, reads_axllm_whose_time_limit_ends_without_a_finish) {
    expect_at_every_cut(
        R"x(data: {"id":"x","choices":[{"index":0,"delta":{"role":"assistant","content":"你"}}],"usage":{"prompt_tokens":0,"completion_tokens":0}}

data: {"id":"x","choices":[{"index":0,"delta":{"content":"好"}}],"usage":{"prompt_tokens":0,"completion_tokens":0}}

data: [DONE]

)x",
        {.text = "你好", .end = true});
}

TEST(openai_reader, reads_rkllm_with_a_character_in_each_chunk_under_a_new_id) {
    expect_at_every_cut(
        R"x(data: {"id":"rkllm-1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant"},"finish_reason":null}]}

data: {"id":"rkllm-2","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"H"},"finish_reason":null}]}

data: {"id":"rkllm-3","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"i"},"finish_reason":null}]}

data: {"id":"rkllm-4","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}

data: [DONE]

)x",
        {.text = "Hi", .finish = "stop", .end = true});
}

TEST(openai_reader, reads_mindie_and_fastllm_whose_last_chunk_has_the_usage) {
    const heard wanted{.text = "Hi you", .finish = "stop", .generated = 2, .end = true};
    expect_at_every_cut(
        R"x(data: {"id":"endpoint_common_1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":"Hi"},"finish_reason":null}]}

data: {"id":"endpoint_common_1","object":"chat.completion.chunk","usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7},"choices":[{"index":0,"delta":{"role":"assistant","content":" you"},"finish_reason":"stop"}]}

data: [DONE]

)x",
        wanted);
    expect_at_every_cut(
        R"x(data: {"choices":[{"index":0,"delta":{"role":"assistant"},"finish_reason":null}]}

data: {"choices":[{"index":0,"delta":{"content":"Hi you"},"finish_reason":null}]}

data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"total_tokens":7,"completion_tokens":2}}

data: [DONE]

)x",
        wanted);
}

TEST(openai_reader, a_stream_that_is_cut_has_no_end) {
    const std::string body =
        "data: {\"choices\":[{\"delta\":{\"content\":\"He\"}}]}\r\n\r\ndata: {\"choices\":[{\"del";
    expect_at_every_cut(body, {.text = "He"});
}

TEST(openai_reader, the_end_without_a_finish_is_told_as_such) {
    expect_at_every_cut(
        "data: {\"choices\":[{\"delta\":{\"content\":\"a\",\"role\":\"assistant\"}}]}\n\ndata: [DONE]\n\n",
        {.text = "a", .end = true});
}

TEST(openai_reader, only_what_is_new_of_a_cumulative_text_counts) {
    catalog::runtime_traits traits;
    traits.cumulative = true;
    traits.timings = catalog::timing_source::mindie;
    expect_at_every_cut(
        "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n"
        "data: "
        "{\"choices\":[{\"delta\":{\"content\":\"ab\"},\"finish_reason\":\"length\"}],\"prefill_time\":5,"
        "\"decode_time_arr\":[10,20.5]}\n\n"
        "data: [DONE]\n\n",
        {.text = "ab", .finish = "length", .decode_ms = 30, .end = true}, traits);
}

TEST(openai_reader, a_whole_answer_is_taken_though_a_stream_was_asked_for) {
    expect_at_every_cut(
        "{\"choices\":[{\"message\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}],\"usage\":{"
        "\"completion_tokens\":1}}",
        {.text = "hi", .finish = "stop", .generated = 1, .end = true});
}

TEST(openai_reader, errors_of_every_shape_are_told) {
    for (const std::string body :
         {R"({"error":{"message":"no","type":"x","code":500}})",
          R"({"object":"error","message":"no","code":400})", R"({"error":"no","error_type":"Bad"})",
          R"({"detail":"no"})", R"({"error":{"object":"error","message":"no"}})"}) {
        EXPECT_EQ(error_in(body).message, "no") << body;
        expect_at_every_cut("data: " + body + "\n\ndata: [DONE]\n\n", {.error = "no", .end = true});
    }
}

TEST(openai_reader, an_error_line_of_older_llama_servers_is_no_end_of_a_whole_answer) {
    expect_at_every_cut(
        R"x(data: {"choices":[{"index":0,"delta":{"content":"He"},"finish_reason":null}]}

error: {"code":500,"message":"Compute error.","type":"server_error"}

data: [DONE]

)x",
        {.text = "He", .error = "Compute error", .end = true});
    const auto context = error_in(R"({"code":400,"message":"no","type":"exceed_context_size_error",)"
                                  R"("n_prompt_tokens":5000,"n_ctx":4096})")
                             .context;
    ASSERT_TRUE(context);
    EXPECT_EQ(context->tokens, 5000U);
}

TEST(openai_reader, what_would_hold_the_loop_is_refused) {
    const auto takes = [](const std::string& before, std::size_t kib, const std::string& after) {
        openai_reader reader{catalog::runtime_traits{}};
        std::vector<streaming::answer_part> parts;
        return reader.feed(before + std::string(kib << 10U, ' ') + after, parts).has_value();
    };
    EXPECT_TRUE(takes("data: {\"choices\":[]", 190, "}\n\n"));
    EXPECT_FALSE(takes("data: {\"choices\":[]", 195, "}\n\n"));
    EXPECT_TRUE(takes("{\"choices\":[]", 380, "}")) << "a whole answer";
    EXPECT_FALSE(takes("{\"choices\":[]", 390, "}"));
    const auto takes_values = [](const std::string& before, std::size_t count, const std::string& after) {
        openai_reader reader{catalog::runtime_traits{}};
        std::vector<streaming::answer_part> parts;
        std::string values = "0";
        for (std::size_t i = 1; i < count; ++i) {
            values += ",0";
        }
        return reader.feed(before + values + after, parts).has_value() && reader.finish(parts).has_value();
    };
    const std::string event = R"(data: {"choices":[{"delta":{"content":"[,\",{["}}],"a":[)";
    EXPECT_TRUE(takes_values(event, 5'900, "]}\n\n"));
    EXPECT_FALSE(takes_values(event, 6'100, "]}\n\n"));
    EXPECT_TRUE(takes_values(R"({"choices":[],"a":[)", 39'900, "]}"));
    EXPECT_FALSE(takes_values(R"({"choices":[],"a":[)", 40'100, "]}"));
    std::string commas =
        R"(data: {"choices":[{"delta":{"content":")" + std::string(100'000, ',') + "\"}}]}\n\n";
    openai_reader reader{catalog::runtime_traits{}};
    std::vector<streaming::answer_part> parts;
    EXPECT_TRUE(reader.feed(commas, parts)) << "a text has no values";
}

TEST(openai_reader, a_prompt_that_is_too_long_is_told_apart) {
    EXPECT_TRUE(error_in(R"({"error":{"code":400,"message":"too long","type":"exceed_context_size_error"}})")
                    .context);
    EXPECT_TRUE(error_in(R"({"object":"error","message":"This model's maximum context length is 9 tokens."})")
                    .context);
    EXPECT_FALSE(error_in(R"({"error":{"message":"no"}})").context);
}

TEST(openai_reader, braces_in_a_text_are_no_depth_and_depth_is_bounded) {
    const std::string open(100, '{');
    EXPECT_EQ(read("data: {\"choices\":[{\"delta\":{\"content\":\"" + open + "\"}}]}\n\n", 3).text, open);
    EXPECT_TRUE(read("data: " + std::string(200'000, '[') + "\n\n", 3).failed);
    EXPECT_TRUE(read("data: " + std::string(2'000'000, 'a'), 3).failed);
}

// Each is read alone too, so that nothing of it is known from another.
TEST(openai_reader, an_event_says_the_same_whatever_was_read_before_it) {
    const auto chat = [](const std::string& delta, const std::string& rest = R"(,"finish_reason":null)") {
        return R"({"id":"a","created":7,"choices":[{"index":0,"delta":{)" + delta + "}" + rest + "}]}";
    };
    std::vector<std::string> events;
    for (const std::string text : {"one",
                                   "two",
                                   " a longer one",
                                   "\u00fc \u4f60\u597d",
                                   ":",
                                   ",",
                                   "content",
                                   "delta",
                                   "index",
                                   "[DONE]",
                                   R"(\n)",
                                   R"(\u0041)",
                                   R"(\"}]},)",
                                   R"(\\)",
                                   R"(\)",
                                   R"(a","content":"b)",
                                   "\xff",
                                   "\xc3",
                                   "\t",
                                   "\x7f",
                                   ""}) {
        events.push_back(chat(R"("content":")" + text + '"'));
        events.push_back(chat(R"("content": ")" + text + '"'));
        events.push_back(chat(R"("reasoning_content":")" + text + '"'));
        events.push_back(chat(R"("role":"one","content":")" + text + '"'));
        events.push_back(chat(R"("content":"one","content":")" + text + '"'));
        events.push_back(chat(R"("content":")" + text + '"', R"(,"finish_reason":"stop")"));
        events.push_back(R"({"choices":[{"text":")" + text + R"("}],"usage":{"completion_tokens":3}})");
        events.push_back(R"({"choices":[{"text":")" + text + R"("}]})");
        events.push_back(R"({"choices":[{"text":")" + text + R"("},{"text":"one"}]})");
        events.push_back(R"({"error":")" + text + R"("})");
    }
    const auto said = [](openai_reader& reader, const std::string& event) {
        std::vector<streaming::answer_part> parts;
        heard out;
        out.failed = !reader.feed("data: " + event + "\n\n", parts).has_value();
        hear(out, parts);
        return out;
    };
    std::size_t unlike = 0;
    for (const std::string& first : events) {
        for (const std::string& second : events) {
            openai_reader alone{catalog::runtime_traits{}};
            openai_reader behind{catalog::runtime_traits{}};
            (void)said(behind, first);
            const bool same = said(behind, second) == said(alone, second);
            EXPECT_TRUE(same) << second << "\nbehind " << first;
            unlike += same ? 0 : 1;
            ASSERT_LT(unlike, 5);
        }
    }
}

}  // namespace
}  // namespace corral::engine::openai_sse
