// What a server says of vectors, by the byte, and what a hostile one may say.

#include "engine/streaming/embedding_answer.hpp"

#include <gmock/gmock.h>

#include "engine/streaming/embedding_call.hpp"

namespace corral::engine::streaming {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct heard {
    std::string why;  // of a failure, its cause and message
    std::vector<std::vector<float>> vectors;
    std::uint32_t tokens = 0;
};

heard read(const std::string& bytes, std::size_t texts, std::size_t piece = 7,
           const catalog::embedding_trait& how = {}) {
    heard out;
    embedding_answer answer(how, texts);
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
        if (const auto why = answer.feed(std::string_view(bytes).substr(at, piece))) {
            out.why = std::string(name_of(*why)) + ": " + why->message;
            return out;
        }
    }
    embedding_outcome made = answer.finish();
    if (!made) {
        out.why = std::string(name_of(made.error())) + ": " + made.error().message;
        return out;
    }
    out.vectors = made->vectors;
    out.tokens = made->prompt_tokens;
    return out;
}

std::string openai(const std::string& vectors) {
    return R"({"object":"list","model":"m","data":[)" + vectors +
           R"(],"usage":{"prompt_tokens":12,"total_tokens":12}})";
}

std::string one(const std::string& numbers, int index) {
    return R"({"object":"embedding","index":)" + std::to_string(index) + R"(,"embedding":)" + numbers + "}";
}

TEST(embedding_answer, reads_each_text_s_vector_however_the_bytes_are_cut) {
    const std::string bytes = openai(one("[0.5, -1e-3]", 0) + "," + one("[3,4.25E0]", 1));
    for (std::size_t piece = 1; piece < bytes.size(); ++piece) {
        const heard out = read(bytes, 2, piece);
        ASSERT_EQ(out.why, "") << piece;
        EXPECT_THAT(out.vectors, ElementsAre(ElementsAre(0.5F, -1e-3F), ElementsAre(3.0F, 4.25F)));
        EXPECT_EQ(out.tokens, 12U);
    }
    catalog::embedding_trait ollama;
    ollama.vectors = "/embeddings/*";
    ollama.tokens = "/prompt_eval_count";
    const heard out = read(
        R"({"model":"m","embeddings":[[1,0],[0,1]],"prompt_eval_count":7,"total_duration":1})", 2, 3, ollama);
    EXPECT_EQ(out.why, "");
    EXPECT_THAT(out.vectors, ElementsAre(ElementsAre(1.0F, 0.0F), ElementsAre(0.0F, 1.0F)));
    EXPECT_EQ(out.tokens, 7U);
}

// Behind the first column: texts asked for, and a part of the sentence.
TEST(embedding_answer, no_vector_goes_to_another_text_and_none_is_made_up) {
    const std::vector<std::tuple<std::string, std::size_t, std::string>> table{
        {openai(one("[1,2]", 0)), 2, "1 vectors for 2 texts"},
        {openai(one("[1,2]", 0) + "," + one("[1,2]", 1)), 1, "more vectors than there were texts"},
        {openai(one("[1,2]", 1) + "," + one("[1,2]", 0)), 2, "not in the order of the texts"},
        {openai(one("[1,2]", 0) + "," + one("[1]", 1)), 2, "different lengths"},
        {openai(R"({"embedding":[1],"embedding":[2]},{"index":1})"), 2, "a text has no vector, or several"},
        {openai(R"({},{"embedding":[1]})"), 2, "a text has no vector, or several"},
        {openai(one("[]", 0)), 1, "empty"},
        {openai(one("[[1,2],[3,4]]", 0)), 1, "more than numbers"},
        {openai(one("[{}]", 0)), 1, "more than numbers"},
        {openai(one("[true]", 0)), 1, "more than numbers"},
        {openai(one("[\"1\"]", 0)), 1, "a text"},
        {openai(one("{\"0\":1}", 0)), 1, "an object stands"},
        {openai(one("\"AAAA\"", 0)), 1, "0 vectors for 1 texts"},
        {openai(one("[1,2", 0)), 1, "vectors-unusable"},
        {openai(one("[1,2]", 0)).substr(0, 60), 1, "cut off"},
        {"<html>", 1, "vectors-unusable"},
        {"", 1, "0 vectors for 1 texts"},
        {openai(one("[null]", 0)), 1, "embedding contains NaN or Inf values"},
        {openai(one("[1e400]", 0)), 1, "embedding contains NaN or Inf values"},
        {openai(one("[-1e39]", 0)), 1, "embedding contains NaN or Inf values"},
        {openai(one("[NaN]", 0)), 1, "embedding contains NaN or Inf values"},
    };
    for (const auto& [bytes, texts, wanted] : table) {
        for (const std::size_t piece : {std::size_t{1}, std::size_t{1000}}) {
            EXPECT_THAT(read(bytes, texts, piece).why, HasSubstr(wanted)) << bytes;
        }
    }
}

TEST(embedding_answer, what_a_server_may_say_is_bounded) {
    std::string numbers = "[0";
    for (std::size_t i = 0; i < most_dimensions; ++i) {
        numbers += ",0";
    }
    EXPECT_THAT(read(openai(one(numbers + "]", 0)), 1, 1000).why, HasSubstr("more than 65536 numbers"));
    EXPECT_THAT(read("{\"data\":" + std::string(100, '['), 1).why, HasSubstr("32 levels"));
    EXPECT_THAT(read("{\"" + std::string(100'000, 'k') + "\":1}", 1).why, HasSubstr("a text of more than"));
    EXPECT_THAT(read("{\"x\":" + std::string(6 << 20, ' ') + "1}", 1, 1 << 16).why,
                HasSubstr("more than 5 MiB"));
    const heard absurd = read(R"({"data":[{"embedding":[1]}],"usage":{"prompt_tokens":-5}})", 1);
    EXPECT_EQ(absurd.why, "");
    EXPECT_EQ(absurd.tokens, 0U);
}

TEST(embedding_call, a_refusal_s_numbers_say_how_much_fits) {
    EXPECT_NEAR(
        fitting_share("input (900 tokens) is too large to process. increase the physical batch size (current "
                      "batch size: 450)"),
        0.485, 0.001);
    EXPECT_NEAR(fitting_share(
                    "This model's maximum context length is 512 tokens. However, you requested 1024 tokens"),
                0.485, 0.001);
    for (const char* silent :
         {"", "too long", "more than 512 tokens", "0 of 0", "99999999999999999999999 tokens"}) {
        EXPECT_DOUBLE_EQ(fitting_share(silent), 0.75) << silent;
    }
}

TEST(embedding_call, a_cut_text_is_shorter_and_ends_with_a_whole_character) {
    EXPECT_EQ(shortened("abcdefgh", 0.5), "abcd");
    EXPECT_EQ(shortened("\xc3\xa4\xc3\xb6", 0.75), "\xc3\xa4");
    EXPECT_EQ(shortened("ab", 1.0), "a");
    EXPECT_EQ(shortened("a", 0.9), "");
    EXPECT_EQ(shortened("", 0.9), "");
}

}  // namespace
}  // namespace corral::engine::streaming
