// What the OpenAI routes refuse: status, content type and exact body (docs/facts/ollama_wire.md#json-input,
// #errors, #openai).

#include "openai_fixture.hpp"

namespace corral::api::openai {
namespace {

using rows = std::vector<std::pair<std::string, std::string>>;

const std::string chat = "/v1/chat/completions";
const std::string text = "/v1/completions";
const std::string user = R"("messages":[{"role":"user","content":"Hi"}])";
const std::string unmarshal = "json: cannot unmarshal ";

class openai_error : public test::openai_test {
protected:
    void expect_rejected(const std::string& path, const rows& all) {
        for (const auto& [body, message] : all) {
            EXPECT_EQ(refusal(path, body), rejected(message)) << path << " " << body;
        }
        EXPECT_TRUE(backend.seen.empty());
    }
    void expect_refused(const std::string& path, unsigned status, const rows& all) {
        for (const auto& [body, message] : all) {
            EXPECT_EQ(refusal(path, body), refused(status, message)) << path << " " << body;
        }
        EXPECT_TRUE(backend.seen.empty());
    }
    static std::string message(const std::string& inside) {
        return R"({"model":"gone","messages":[{)" + inside + "}]}";
    }
};

TEST_F(openai_error, malformed_bodies) {
    for (const char* path : {"/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses"}) {
        expect_rejected(path, {
                                  {"", "EOF"},
                                  {"  ", "EOF"},
                                  {"x", "invalid character 'x' looking for beginning of value"},
                                  {R"({"model":"tiny")", "unexpected EOF"},
                              });
    }
    expect_rejected(chat,
                    {{"[]", unmarshal + "array into Go value of type openai.ChatCompletionRequest"},
                     {std::string(5000, '['), "the JSON of the request is nested deeper than 100 levels"}});
    expect_rejected(text, {{"3", unmarshal + "number into Go value of type openai.CompletionRequest"}});
    expect_rejected("/v1/embeddings",
                    {{R"("x")", unmarshal + "string into Go value of type openai.EmbedRequest"}});
    expect_rejected("/v1/responses",
                    {{"true", unmarshal + "bool into Go value of type openai.ResponsesRequest"}});
}

TEST_F(openai_error, compressed_bodies) {
    const auto got = ask("POST", chat, "\x1F\x8B", {{"Content-Encoding", "GZIP"}});
    EXPECT_EQ(got->answer.status, 400U);
    EXPECT_NE(got->answer.body.find("Content-Encoding"), std::string::npos);
    EXPECT_NE(got->answer.body.find("send it uncompressed"), std::string::npos);
    const auto broken = ask("POST", chat, "\x28\xB5\x2F\xFD", {{"Content-Encoding", "zstd"}});
    EXPECT_EQ(broken->answer.status, 400U);
    EXPECT_NE(broken->answer.body.find("no valid zstd"), std::string::npos) << broken->answer.body;
    say({"Hi"});
    const auto plain =
        ask("POST", chat, R"({"model":"tiny",)" + user + "}", {{"Content-Encoding", "identity"}});
    EXPECT_EQ(plain->answer.status, 200U);
}

TEST_F(openai_error, chat_fields_of_a_wrong_type) {
    const std::string into = " into Go struct field ChatCompletionRequest.";
    expect_rejected(
        chat,
        {
            {R"({"model":1})", unmarshal + "number" + into + "model of type string"},
            {R"({"stream":"yes"})", unmarshal + "string" + into + "stream of type bool"},
            {R"({"stream_options":true})",
             unmarshal + "bool" + into + "stream_options of type openai.StreamOptions"},
            {R"({"temperature":"warm"})", unmarshal + "string" + into + "temperature of type float64"},
            {R"({"seed":1.5})", unmarshal + "number 1.5" + into + "seed of type int"},
            {R"({"max_tokens":"9"})", unmarshal + "string" + into + "max_tokens of type int"},
            {R"({"messages":{}})", unmarshal + "object" + into + "messages of type []openai.Message"},
            {R"({"messages":["x"]})", unmarshal + "string" + into + "messages of type openai.Message"},
            {R"({"tools":{}})", unmarshal + "object" + into + "tools of type []api.Tool"},
            {R"({"response_format":"json"})",
             unmarshal + "string" + into + "response_format of type openai.ResponseFormat"},
            {message(R"("role":1,"content":"x")"),
             unmarshal + "number" + into + "messages.role of type string"},
            {message(R"("role":"assistant","tool_calls":[{"function":{"name":"f","arguments":{"a":1}}}])"),
             unmarshal + "object" + into + "messages.tool_calls.function.arguments of type string"},
        });
}

TEST_F(openai_error, chat_messages_that_can_not_be_read) {
    const std::string content = R"("role":"user","content":)";
    const std::string short_list = "[] is too short - 'messages'";
    expect_rejected(
        chat,
        {
            {"{}", short_list},
            {"null", short_list},
            {R"({"model":"gone","messages":[]})", short_list},
            {R"({"reasoning_effort":"x"})", short_list},
            {message(R"("role":"user")"), "invalid message content type: <nil>"},
            {message(content + "null"), "invalid message content type: <nil>"},
            {message(content + "7"), "invalid message content type: float64"},
            {message(content + "true"), "invalid message content type: bool"},
            {message(content + "{}"), "invalid message content type: map[string]interface {}"},
            {message(content + R"(["x"])"), "invalid message format"},
            {message(content + R"([{}])"), "invalid message format"},
            {message(content + R"([{"type":"video"}])"), "invalid message format"},
            {message(content + R"([{"type":"text","text":7}])"), "invalid message format"},
            {message(content + R"([{"type":"image_url","image_url":7}])"), "invalid message format"},
            {message(content + R"([{"type":"image_url","image_url":{"url":"https://x/y.png"}}])"),
             "image URLs are not currently supported, please use base64 encoded data instead"},
            {message(content + R"([{"type":"image_url","image_url":"data:image/gif;base64,aGk="}])"),
             "invalid image input"},
            {message(content + R"([{"type":"image_url","image_url":"data:image/png;base64,aGk"}])"),
             "invalid image input"},
            {message(content + R"([{"type":"input_audio","input_audio":{"data":"!"}}])"),
             "invalid message format"},
            {message(
                 R"("role":"assistant","content":null,"tool_calls":[{"function":{"name":"f","arguments":"x"}}])"),
             "invalid tool call arguments"},
            {message(
                 R"("role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":"[1]"}}])"),
             "invalid tool call arguments"},
            {message(R"("role":"assistant","content":"","tool_calls":[{"function":{"name":"f"}}])"),
             "invalid tool call arguments"},
        });
    const std::string effort =
        R"( (must be "minimal", "low", "medium", "high", "xhigh", "ultra", "max", or "none"))";
    expect_rejected(chat, {
                              {R"({"reasoning_effort":"hard",)" + user + "}",
                               R"(invalid reasoning value: "hard")" + effort},
                              {R"({"reasoning":{"effort":"x"},"reasoning_effort":"low",)" + user + "}",
                               R"(invalid reasoning value: "x")" + effort},
                              {R"({"reasoning_effort":")" + std::string(100'000, 'h') + R"(",)" + user + "}",
                               "invalid reasoning value: \"" + std::string(80, 'h') + "\"" + effort},
                          });
}

TEST_F(openai_error, chat_requests_that_the_model_can_not_serve) {
    const std::string start = R"({"model":"tiny",)" + user + ",";
    const std::string image =
        R"({"model":"tiny","messages":[{"role":"user","content":[{"type":"text","text":"x"},{"type":"image_url","image_url":{"url":"data:image/png;base64,aGk="}}]}]})";
    const std::string audio =
        R"({"model":"tiny","messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"aGk=","format":"wav"}}]}]})";
    const std::string tool = R"("tools":[{"type":"function","function":{"name":"f"}}])";
    expect_refused(
        chat, 400,
        {
            {"{" + user + "}", "model is required"},
            {R"({"model":" ",)" + user + "}", "model is required"},
            {R"({"model":"a b",)" + user + "}", "invalid model name"},
            {start + R"("logprobs":true})",
             "this model reports no probabilities, so logprobs is not supported; leave it out"},
            {start + R"("top_logprobs":21})", "top_logprobs must be between 0 and 20"},
            {R"({"model":"gone","top_logprobs":-1,)" + user + "}", "top_logprobs must be between 0 and 20"},
            {start + R"("reasoning_effort":"low"})", R"("tiny" does not support thinking)"},
            {start + R"("reasoning":{"effort":"high"}})", R"("tiny" does not support thinking)"},
            {start + tool + "}", "registry.ollama.ai/library/tiny:latest does not support tools"},
            {image, "registry.ollama.ai/library/tiny:latest does not support images"},
            {audio, "registry.ollama.ai/library/tiny:latest does not support audio"},
        });
    expect_refused(chat, 404, {{R"({"model":"Other",)" + user + "}", "model 'Other' not found"}});
    expect_refused(chat, 500,
                   {{start + R"("response_format":{"type":"json_schema","json_schema":{"schema":"xml"}}})",
                     R"(invalid format: "\"xml\""; expected "json" or a valid JSON Schema object)"}});
    backend.entry.capabilities = {"embedding"};
    expect_refused(chat, 400, {{start + R"("n":1})", R"("tiny" does not support chat)"}});
    expect_refused(text, 400, {{R"({"model":"tiny","prompt":"x"})", R"("tiny" does not support generate)"}});
}

TEST_F(openai_error, text_completions) {
    const std::string into = " into Go struct field CompletionRequest.";
    expect_rejected(text, {
                              {R"({"prompt":["x"]})", unmarshal + "array" + into + "prompt of type string"},
                              {R"({"suffix":7})", unmarshal + "number" + into + "suffix of type string"},
                              {R"({"logprobs":true})", unmarshal + "bool" + into + "logprobs of type int"},
                              {R"({"prompt":"x","stop":[1]})", "invalid type for 'stop' field: float64"},
                              {R"({"prompt":"x","stop":["a",null]})", "invalid type for 'stop' field: <nil>"},
                          });
    expect_refused(text, 404,
                   {
                       {"{}", "model '' not found"},
                       {R"({"prompt":"x"})", "model '' not found"},
                       {R"({"model":"gone","prompt":"x"})", "model 'gone' not found"},
                   });
    expect_refused(text, 400,
                   {
                       {R"({"model":"tiny","prompt":"x","suffix":"y"})",
                        "registry.ollama.ai/library/tiny:latest does not support insert"},
                       {R"({"model":"tiny","prompt":"x","logprobs":2})",
                        "this model reports no probabilities, so logprobs is not supported; leave it out"},
                   });
}

TEST_F(openai_error, audio_and_unknown_routes) {
    EXPECT_EQ(refusal("/v1/audio/transcriptions", "x"),
              refused(400, "audio is not supported, because no model here can hear"));
    const auto missing = ask("POST", "/v1/images/generations", "{}");
    EXPECT_EQ(missing->answer.status, 404U);
    EXPECT_EQ(missing->answer.body, "404 page not found");
    const auto method = ask("GET", chat);
    EXPECT_EQ(method->answer.status, 405U);
    EXPECT_EQ(method->answer.headers.find("Allow"), "POST");
}

TEST_F(openai_error, a_refusal_before_the_routes_has_the_envelope) {
    const http::response got = format_of("/v1/models").refuse(401, "no key", random);
    EXPECT_EQ(got.status, 401U);
    EXPECT_EQ(got.content_type, "application/json");
    EXPECT_EQ(got.body, envelope("api_error", "no key") + "\n");
    EXPECT_EQ(format_of("/v1/chat/completions").refuse(401, "no key", random).body, got.body);
    EXPECT_TRUE(
        format_of("/v1/messages").refuse(401, "no key", random).body.starts_with(R"({"type":"error",)"));
    EXPECT_EQ(format_of("/api/chat").refuse(401, "no key", random).body, R"({"error":"no key"})");
}

}  // namespace
}  // namespace corral::api::openai
