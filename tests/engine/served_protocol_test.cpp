// Ollama's API of a server that runs here: what is sent is what the profile names, and its failures have their words.

#include "engine/dialects/ollama_remote/served_protocol.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace corral::engine::ollama_remote {
namespace {

using nlohmann::json;

catalog::runtime_traits hailo() {
    catalog::runtime_traits out;
    out.chat_target = "/api/chat";
    out.model_name = "qwen2:1.5b";
    out.max_tokens = "num_predict";
    out.sampling = {"temperature", "seed"};
    out.extra = {{"keep_alive", "-1"}};
    return out;
}

run_spec conversation() {
    run_spec out;
    out.prompt.messages = {{"system", "Be brief."}, {"user", "Hi"}};
    return out;
}

TEST(served_protocol, nothing_is_sent_that_the_profile_does_not_name) {
    run_spec what = conversation();
    what.sampling.temperature = 0.5;
    what.sampling.repeat_penalty = 1.1;
    what.max_tokens = 7;
    what.format = json{{"type", "object"}};
    const auto asked = served_protocol(hailo()).request_for(what);
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->target, "/api/chat");
    EXPECT_EQ(json::parse(asked->body),
              json::parse(R"({"model": "qwen2:1.5b", "stream": true, "keep_alive": -1,
                              "messages": [{"role": "system", "content": "Be brief."},
                                           {"role": "user", "content": "Hi"}],
                              "options": {"temperature": 0.5, "num_predict": 7}})"));
}

TEST(served_protocol, a_raw_prompt_is_refused) {
    run_spec what = conversation();
    what.prompt.verbatim = true;
    const auto asked = served_protocol(hailo()).request_for(what);
    ASSERT_FALSE(asked);
    EXPECT_EQ(asked.error().code, core::errc::refused);
}

TEST(served_protocol, a_thrown_failure_has_its_last_line_for_a_sentence) {
    const served_protocol protocol(hailo());
    const auto said = protocol.error_of(500,
                                        "server=oatpp/1.4.0\ncode=500\ndescription=Internal Server Error\n"
                                        "message=Failed to create VDevice\n");
    EXPECT_EQ(said.message, "Failed to create VDevice");
    EXPECT_FALSE(said.busy);
    EXPECT_EQ(protocol.error_of(404, R"({"error": "model 'x' not found"})").message, "model 'x' not found");
}

}  // namespace
}  // namespace corral::engine::ollama_remote
