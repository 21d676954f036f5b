// Requests of /v1/responses: what they become and what is refused
// (docs/facts/ollama_wire.md#openai-responses).

#include "api/openai/responses_request.hpp"
#include "openai_fixture.hpp"

namespace corral::api::openai {
namespace {

const std::string path = "/v1/responses";

class openai_responses_request : public test::openai_test {
protected:
    static responses_fields read(const std::string& input, const std::string& more = "") {
        http::request incoming;
        incoming.body = R"({"model":"tiny","input":)" + input + more + "}";
        decode_problem problem;
        responses_fields out = read_responses_request(incoming, problem);
        EXPECT_EQ(problem.message, "") << incoming.body;
        return out;
    }
    static std::vector<chat::message> messages(const std::string& input, const std::string& more = "") {
        return read(input, more).common.messages;
    }
    using names = std::vector<std::string>;
};

TEST_F(openai_responses_request, a_text_is_a_turn_of_the_user) {
    const auto got = messages(R"("Hi")", R"(,"instructions":"Be brief.")");
    ASSERT_EQ(got.size(), 2U);
    EXPECT_EQ(got[0].from, chat::role::system);
    EXPECT_EQ(got[0].content, "Be brief.");
    EXPECT_EQ(got[1].from, chat::role::user);
    EXPECT_EQ(got[1].content, "Hi");
}

TEST_F(openai_responses_request, items_become_turns) {
    const auto got = messages(
        R"([{"role":"developer","content":"D"},)"
        R"({"type":"message","role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_text","text":"b"}]},)"
        R"({"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"hm"},)"
        R"({"type":"message","role":"assistant","content":[{"type":"output_text","text":"Look:"}]},)"
        R"({"type":"function_call","call_id":"c1","name":"f","arguments":"{\"a\":1}"},)"
        R"({"type":"function_call","call_id":"c2","name":"g","arguments":"{}"},)"
        R"({"type":"web_search_call","id":"ws_1"},)"
        R"({"type":"function_call_output","call_id":"c2","output":"3"},)"
        R"({"type":"function_call_output","call_id":"c1","output":[{"type":"input_text","text":"4"}]}])");
    ASSERT_EQ(got.size(), 5U);
    EXPECT_EQ(got[0].from, chat::role::system);
    EXPECT_EQ(got[1].content, "ab");
    EXPECT_EQ(got[2].from, chat::role::assistant);
    EXPECT_EQ(got[2].content, "Look:");
    EXPECT_EQ(got[2].thinking, "hm");
    ASSERT_EQ(got[2].calls.size(), 2U);
    EXPECT_EQ(got[2].calls[0].id, "c1");
    EXPECT_EQ(got[2].calls[0].arguments.dump(), R"({"a":1})");
    EXPECT_EQ(got[2].calls[1].name, "g");
    EXPECT_EQ(got[3].from, chat::role::tool);
    EXPECT_EQ(got[3].tool_call_id, "c2");
    EXPECT_EQ(got[3].tool_name, "g");
    EXPECT_EQ(got[3].content, "3");
    EXPECT_EQ(got[4].content, "4");
}

TEST_F(openai_responses_request, reasoning_goes_with_what_follows_it) {
    const auto before_call =
        messages(R"([{"role":"user","content":"x"},{"type":"reasoning","encrypted_content":"hm"},)"
                 R"({"type":"function_call","call_id":"c","name":"f","arguments":"{}"}])");
    ASSERT_EQ(before_call.size(), 2U);
    EXPECT_EQ(before_call[1].thinking, "hm");
    EXPECT_EQ(before_call[1].calls.size(), 1U);
    const auto at_end =
        messages(R"([{"role":"user","content":"x"},{"type":"reasoning","encrypted_content":"hm"}])");
    ASSERT_EQ(at_end.size(), 2U);
    EXPECT_EQ(at_end[1].from, chat::role::assistant);
    EXPECT_EQ(at_end[1].thinking, "hm");
}

TEST_F(openai_responses_request, tools_and_namespaces) {
    const generation_fields got =
        read(
            R"("x")",
            R"(,"parallel_tool_calls":false,"tools":[{"type":"function","name":"f","description":"d","strict":true,"parameters":{"type":"object"}},)"
            R"({"type":"namespace","name":"math","tools":[{"type":"function","name":"add"}]},)"
            R"({"type":"web_search"},{"type":"web_search"}])")
            .common;
    EXPECT_EQ(
        got.tools.dump(),
        R"([{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}},)"
        R"({"type":"function","function":{"name":"math.add","parameters":{"type":"object","properties":{}}}}])");
    EXPECT_EQ(got.unused, (names{"parallel_tool_calls", "tools.web_search"}));
    EXPECT_TRUE(read(R"("x")", R"(,"tool_choice":"none","tools":[{"type":"function","name":"f"}])")
                    .common.tools.is_null());
}

TEST_F(openai_responses_request, sampling_formats_and_reasoning) {
    const responses_fields plain = read(R"("x")");
    EXPECT_EQ(plain.common.sampling.temperature, 1.0);
    EXPECT_FALSE(plain.common.sampling.top_p);
    EXPECT_FALSE(plain.common.limits.num_predict);
    EXPECT_FALSE(plain.common.stream);
    EXPECT_FALSE(plain.common.reasoning.on);
    const generation_fields full =
        read(
            R"("x")",
            R"(,"temperature":0,"top_p":0.5,"max_output_tokens":9,"stream":true,"reasoning":{"effort":"minimal"},)"
            R"("text":{"format":{"type":"json_schema","name":"n","strict":true,"schema":{"type":"object"}}})")
            .common;
    EXPECT_EQ(full.sampling.temperature, 0.0);
    EXPECT_EQ(full.sampling.top_p, 0.5);
    EXPECT_EQ(full.limits.num_predict, 9);
    EXPECT_TRUE(full.stream);
    EXPECT_EQ(full.reasoning.on, true);
    EXPECT_EQ(full.reasoning.effort, "low");
    EXPECT_EQ(full.format.dump(), R"({"type":"object"})");
    EXPECT_EQ(read(R"("x")", R"(,"text":{"format":{"type":"json_object"}})").common.format, "json");
    EXPECT_TRUE(
        read(R"("x")", R"(,"text":{"format":{"type":"text"},"verbosity":"low"})").common.format.is_null());
    EXPECT_EQ(
        read(R"("x")", R"(,"previous_response_id":"resp_1","store":true,"background":false)").common.unused,
        names{"previous_response_id"});
}

TEST_F(openai_responses_request, what_can_not_be_read) {
    const std::string part = R"([{"role":"user","content":[)";
    const std::vector<std::pair<std::string, std::string>> rows{
        {"7", "input must be a string or array"},
        {"null", "input is required"},
        {"[]", "input is required"},
        {R"(["x"])",
         "json: cannot unmarshal string into Go struct field ResponsesRequest.input of type "
         "openai.ResponsesInputItem"},
        {R"([{"type":"x"}])", R"(input[0]: unknown input item type: "x")"},
        {R"([{"role":"user","content":"a"},{"type":"item_reference","id":"1"}])",
         R"(input[1]: unknown input item type: "item_reference")"},
        {R"([{}])", R"(input[0]: unknown input item type: "")"},
        {part + R"({"type":"input_file","file_id":"f"}]}])", "file inputs are not currently supported"},
        {part + R"({"type":"input_video"}]}])", R"(input[0]: unknown content type: "input_video")"},
        {part + R"({"type":"input_image","image_url":"https://x/y.png"}]}])",
         "image URLs are not currently supported, please use base64 encoded data instead"},
        {part + R"({"type":"input_image","file_id":"f"}]}])", "invalid image input"},
        {R"([{"type":"function_call","call_id":"c","name":"f","arguments":"x"}])",
         "failed to parse function call arguments: invalid character 'x' looking for beginning of value"},
    };
    for (const auto& [input, wanted] : rows) {
        EXPECT_EQ(refusal(path, R"({"model":"gone","input":)" + input + "}"), rejected(wanted)) << input;
    }
    EXPECT_EQ(
        refusal(path, R"({"model":"gone","input":"x","reasoning":{"effort":"x"}})"),
        rejected(
            R"(invalid reasoning value: "x" (must be "minimal", "low", "medium", "high", "xhigh", "ultra", "max", or "none"))"));
    EXPECT_TRUE(backend.seen.empty());
}

TEST_F(openai_responses_request, what_the_model_can_not_do) {
    const std::vector<std::pair<std::string, std::string>> rows{
        {R"({"input":"x"})", refused(400, "model is required")},
        {R"({"model":"gone","input":"x"})", refused(404, "model 'gone' not found")},
        {R"({"model":"tiny","input":"x","tools":[{"type":"function","name":"f"}]})",
         refused(400, "registry.ollama.ai/library/tiny:latest does not support tools")},
        {R"({"model":"tiny","input":"x","reasoning":{"effort":"low"}})",
         refused(400, R"("tiny" does not support thinking)")},
        {R"({"model":"tiny","input":"x","include":["message.output_text.logprobs"]})",
         refused(400, "this model tells no probabilities, so logprobs is not supported; leave it out")},
        {R"({"model":"tiny","input":[{"role":"user","content":[{"type":"input_image","image_url":"data:;base64,aGk="}]}]})",
         refused(400, "registry.ollama.ai/library/tiny:latest does not support images")},
    };
    for (const auto& [body, wanted] : rows) {
        EXPECT_EQ(refusal(path, body), wanted) << body;
    }
    EXPECT_TRUE(backend.seen.empty());
}

}  // namespace
}  // namespace corral::api::openai
