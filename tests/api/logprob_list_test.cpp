#include "api/json/logprob_list.hpp"

#include <gtest/gtest.h>

#include "api/ollama/answer.hpp"

namespace corral::api {
namespace {

const chat::token_logprobs two{{{" Hi", -0.12}, {{" Hi", -0.12}, {"<", -2.5}}}, {{"\xC3", -1e-7}, {}}};

TEST(logprob_list, is_written_as_ollama_writes_it) {
    json_writer json;
    write_logprobs(json, two);
    EXPECT_EQ(
        json.take(),
        R"([{"token":" Hi","logprob":-0.12,"bytes":[32,72,105],"top_logprobs":[)"
        R"({"token":" Hi","logprob":-0.12,"bytes":[32,72,105]},{"token":"\u003c","logprob":-2.5,"bytes":[60]}]},)"
        R"({"token":"\ufffd","logprob":-1e-7,"bytes":[195]}])");
}

TEST(logprob_list, completions_have_openais_object) {
    json_writer json;
    EXPECT_EQ(write_completion_logprobs(json, two, 5), 9U);
    EXPECT_EQ(
        json.take(),
        R"({"tokens":[" Hi","\ufffd"],"token_logprobs":[-0.12,-1e-7],"top_logprobs":[{" Hi":-0.12,"\u003c":-2.5},{}],)"
        R"("text_offset":[5,8]})");
}

TEST(logprob_list, has_its_place_in_each_kind_of_line) {
    const chat::token_logprobs one{{{"a", -1.0}, {}}};
    const std::string list = R"("logprobs":[{"token":"a","logprob":-1,"bytes":[97]}])";
    chat::finished_event end;
    end.usage.generated_tokens = 1;
    ollama::reply_encoder chat(ollama::reply_kind::chat, "m");
    ollama::reply_encoder generate(ollama::reply_kind::generate, "m");
    ollama::reply_parts said;
    said.text = "a";
    said.logprobs = one;
    EXPECT_TRUE(chat.partial(said, {}).ends_with(R"(,"done":false,)" + list + "}"));
    EXPECT_TRUE(generate.partial(said, {}).ends_with(R"(,"done":false,)" + list + "}"));
    EXPECT_NE(
        chat.last(said, end, {})
            .find(R"("done_reason":"stop",)" + list + R"(,"prompt_eval_cached_count":0,"eval_count":1,)"),
        std::string::npos);
    EXPECT_TRUE(generate.last(said, end, {}).ends_with(R"("eval_duration":1,)" + list + "}"));
}

}  // namespace
}  // namespace corral::api
