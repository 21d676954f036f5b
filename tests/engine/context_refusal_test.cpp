#include "engine/streaming/context_refusal.hpp"

#include <gtest/gtest.h>

namespace corral::engine::streaming {
namespace {

struct wording {
    const char* sentence;
    std::uint32_t tokens, limit;
    bool at_least;
};

// Of vLLM over its versions, llama.cpp, OpenAI and Corral itself.
constexpr wording wordings[] = {
    {"This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (3000 in the "
     "messages, 2000 in the completion). Please reduce the length of the messages or completion.",
     3000, 4096, false},
    {"This model's maximum context length is 4096 tokens. However, you requested 4500 tokens (4400 in your "
     "prompt; 100 for the completion).",
     4400, 4096, false},
    {"This model's maximum context length is 4096 tokens. However, your request has 5123 input tokens. "
     "Please "
     "reduce the length of the input messages.",
     5123, 4096, false},
    {"'max_tokens' or 'max_completion_tokens' is too large: 2000. This model's maximum context length is "
     "4096 "
     "tokens and your request has 3000 input tokens (2000 > 4096 - 3000).",
     3000, 4096, false},
    {"This model's maximum context length is 16384 tokens. However, you requested 8192 output tokens and "
     "your "
     "prompt contains at least 8193 input tokens, for a total of at least 16385 tokens.",
     8193, 16384, true},
    {"You passed 98305 input tokens and requested 32768 output tokens. However, the model's context length "
     "is "
     "only 131072 tokens, resulting in a maximum input length of 98304 tokens. Please reduce the length of "
     "the "
     "input prompt. (parameter=input_tokens, value=98305)",
     98305, 131072, true},
    {"This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens.",
     9001, 8192, false},
    {"request (9412 tokens) exceeds the available context size (8192 tokens), try increasing it", 9412, 8192,
     false},
    {"the request exceeds the available context size, try increasing it", 0, 0, false},
    {"the prompt is longer than the context length currently available to the model; shorten the prompt, "
     "adjust "
     "the context length in settings, or use a model with a longer context length (it is 6614 tokens long: "
     "system prompt 21, tools 6388, turns 205; there is room for 1920)",
     6614, 1920, false},
    {"Input token length 2100 exceeds maxInputTokenLen 2048", 2100, 2048, false},
    {"The prompt is longer than the context of the model.", 0, 0, false},
    {"输入内容超过模型长度上限。", 0, 0, false},
    {"上下文长度不足（prompt too long）：对话内容超过当前模型或 KV 缓存允许的长度。", 0, 0, false},
    {"this model's maximum context length is 99999999999999 tokens", 0, 0, false},
};

TEST(context_refusal, the_true_count_is_read_from_every_known_wording) {
    for (const wording& each : wordings) {
        const auto found = context_refusal_in({}, each.sentence);
        ASSERT_TRUE(found) << each.sentence;
        EXPECT_EQ(found->tokens, each.tokens) << each.sentence;
        EXPECT_EQ(found->limit, each.limit) << each.sentence;
        EXPECT_EQ(found->at_least, each.at_least) << each.sentence;
    }
}

TEST(context_refusal, llama_cpp_says_it_in_fields) {
    const auto error = nlohmann::json::parse(
        R"({"type":"exceed_context_size_error","n_prompt_tokens":14429,"n_ctx":8192,"message":"no"})");
    const auto found = context_refusal_in(error, "no");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->tokens, 14429U);
    EXPECT_EQ(found->limit, 8192U);
}

TEST(context_refusal, another_refusal_is_none) {
    for (const char* other : {"temperature must be non-negative, got -1.", "Invalid JSON data!", ""}) {
        EXPECT_FALSE(context_refusal_in({}, other)) << other;
    }
    EXPECT_FALSE(context_refusal_in(nlohmann::json::parse(R"({"type":7,"n_ctx":"x"})"), "no"));
}

}  // namespace
}  // namespace corral::engine::streaming
