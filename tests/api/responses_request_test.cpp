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
    EXPECT_EQ(got.unused, names{"tools.web_search"});
    EXPECT_TRUE(got.one_call);
    const generation_fields allowed =
        read(R"("x")",
             R"(,"tools":[{"type":"function","name":"f"},{"type":"function","name":"g"}],"tool_choice":)"
             R"({"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"g"}]})")
            .common;
    ASSERT_EQ(allowed.tools.size(), 1U);
    EXPECT_EQ(allowed.must_call, names{"g"});
    EXPECT_TRUE(read(R"("x")", R"(,"tool_choice":"none","tools":[{"type":"function","name":"f"}])")
                    .common.tools.is_null());
}

// Codex's deferred tools: what a search has found can be called, and is its result.
TEST_F(openai_responses_request, searches_for_tools) {
    const std::string search =
        R"({"type":"tool_search","execution":"client","description":"Find tools","parameters":{"type":"object"}})";
    const responses_fields got = read(
        R"([{"type":"tool_search_call","call_id":"c1","execution":"client","status":"completed","arguments":{"query":"orders"}},)"
        R"({"type":"tool_search_output","call_id":"c1","execution":"client","tools":[{"type":"namespace","name":"orders","tools":)"
        R"([{"type":"function","name":"look_up","description":"d","parameters":{"type":"object"}}]},)"
        R"({"type":"function","name":"f","parameters":{}}]},)"
        R"({"type":"tool_search_call","call_id":null,"execution":"server","arguments":{}},)"
        R"({"type":"function_call","call_id":"c2","namespace":"orders","name":"look_up","arguments":"{}"},)"
        R"({"type":"function_call","call_id":"c3","namespace":"orders","name":"orders.look_up","arguments":"{}"}])",
        R"(,"tools":[)" + search + R"(,{"type":"function","name":"f","description":"first"}])");
    const std::vector<chat::message>& said = got.common.messages;
    ASSERT_EQ(said.size(), 3U);
    EXPECT_EQ(said[0].calls.at(0).name, "tool_search");
    EXPECT_EQ(said[0].calls[0].arguments.dump(), R"({"query":"orders"})");
    EXPECT_EQ(said[1].from, chat::role::tool);
    EXPECT_EQ(said[1].tool_name, "tool_search");
    EXPECT_EQ(said[1].tool_call_id, "c1");
    EXPECT_EQ(
        said[1].content,
        R"([{"description":"d","name":"orders.look_up","parameters":{"type":"object"},"type":"function"},)"
        R"({"name":"f","parameters":{},"type":"function"}])");
    EXPECT_EQ(said[2].calls.at(0).name, "orders.look_up");
    EXPECT_EQ(said[2].calls.at(1).name, "orders.look_up");
    std::string all;
    for (const auto& tool : got.common.tools) {
        all += tool["function"]["name"].get<std::string>() + " ";
    }
    EXPECT_EQ(all, "tool_search f orders.look_up ");
    EXPECT_TRUE(got.common.unused.empty());
    EXPECT_EQ(read(R"("x")", R"(,"tools":[{"type":"tool_search","execution":"server"}])").common.unused,
              names{"tools.tool_search"});
}

TEST_F(openai_responses_request, tools_that_come_with_the_input_can_be_called) {
    const responses_fields got = read(
        R"([{"type":"additional_tools","role":"developer","tools":[{"type":"tool_search","parameters":{"type":"object"}},)"
        R"({"type":"namespace","name":"orders","tools":[{"type":"function","name":"look_up"}]}]},{"role":"user","content":"x"}])");
    ASSERT_EQ(got.common.messages.size(), 1U);
    ASSERT_EQ(got.common.tools.size(), 2U);
    EXPECT_EQ(got.common.tools[0]["function"]["name"], "tool_search");
    EXPECT_EQ(got.common.tools[1]["function"]["name"], "orders.look_up");
    EXPECT_TRUE(got.echo.searches);
    EXPECT_EQ(got.echo.tool_names.at("orders.look_up"), std::string("orders").size());
}

TEST_F(openai_responses_request, messages_of_other_agents_and_results_without_a_call) {
    const auto got = messages(
        R"([{"type":"agent_message","author":"/root","recipient":"/root/a","content":[{"type":"input_text","text":"Do "},)"
        R"({"type":"encrypted_content","encrypted_content":"this."}]},)"
        R"({"type":"function_call_output","namespace":"team","name":"hand_over","output":"done"}])");
    ASSERT_EQ(got.size(), 2U);
    EXPECT_EQ(got[0].from, chat::role::user);
    EXPECT_EQ(got[0].content, "Do this.");
    EXPECT_EQ(got[1].from, chat::role::tool);
    EXPECT_EQ(got[1].tool_name, "team.hand_over");
    EXPECT_EQ(got[1].tool_call_id, "");
}

TEST_F(openai_responses_request, think_counts_more_than_the_effort) {
    const std::string effort = R"(,"reasoning":{"effort":"low"},"think":)";
    EXPECT_EQ(read(R"("x")", effort + "false").common.reasoning.on, false);
    EXPECT_EQ(read(R"("x")", effort + "true").common.reasoning.effort, "");
    EXPECT_EQ(read(R"("x")", effort + R"("high")").common.reasoning.effort, "high");
    EXPECT_EQ(read(R"("x")", effort + "null").common.reasoning.effort, "low");
}

const std::string history =
    R"({"role":"developer","content":"Rules."},{"role":"user","content":"Fix it."},)"
    R"({"type":"function_call","call_id":"c1","name":"look","arguments":"{\"at\":\"a.c\"}"},)"
    R"({"type":"function_call_output","call_id":"c1","output":"int main"},)"
    R"({"role":"assistant","content":"Found."},{"role":"user","content":"Go on."},)"
    R"({"type":"function_call","call_id":"c2","name":"look","arguments":"{}"},)"
    R"({"type":"function_call_output","call_id":"c2","output":"b"})";

// The client keeps what its user said; what is under way stays whole.
TEST_F(openai_responses_request, a_trigger_asks_for_a_summary) {
    const responses_fields got =
        read("[" + history + R"(,{"type":"compaction_trigger"}])",
             R"(,"stream":true,"instructions":"Not these.","tools":[{"type":"function","name":"look"}])");
    ASSERT_TRUE(got.echo.compaction);
    EXPECT_EQ(
        got.common.transcript,
        "User: Fix it.\n\nAssistant calls look{\"at\":\"a.c\"}\n\nResult of look: int main\n\nAssistant: "
        "Found.\n\nUser: Go on.\n\nAssistant calls look{}\n\nResult of look: b\n\n");
    EXPECT_TRUE(got.common.tools.is_null());
    ASSERT_EQ(got.echo.compaction->retained.size(), 2U);
    EXPECT_EQ(got.echo.compaction->retained[0].calls.at(0).id, "c2");
    EXPECT_EQ(got.echo.compaction->retained[1].content, "b");
}

// Several, where one server of ours stands behind another; and what only looks like one stays.
TEST_F(openai_responses_request, a_summary_is_made_of_nothing_that_corral_wrote_into_an_answer) {
    const auto transcript = [&](const std::string& answer) {
        const std::string items = R"([{"role":"user","content":"Tell."},{"role":"assistant","content":")" +
                                  answer + R"("},{"type":"compaction_trigger"}])";
        return read(items, R"(,"stream":true)").common.transcript.value_or("");
    };
    const std::string note = R"(\n\n[This answer is not whole: The runtime died; ask again.])";
    for (const std::string& notes : {note, note + note, note + R"( \n)",
                                     std::string(R"(\n\n[The model did not read all of this: 3.])")}) {
        EXPECT_EQ(transcript("Half" + notes), "User: Tell.\n\nAssistant: Half\n\n") << notes;
    }
    EXPECT_EQ(transcript(note.substr(4)), "User: Tell.\n\n");
    EXPECT_NE(transcript("It said " + note.substr(4)), transcript("It said"));
    EXPECT_NE(transcript("Half" + note + R"(\nMore.)"), transcript("Half"));
}

TEST_F(openai_responses_request, compactions_that_can_not_be) {
    const auto item = [](const std::string& content) {
        return R"({"input":[{"type":"compaction","encrypted_content":)" + nlohmann::json(content).dump() +
               "}]}";
    };
    const std::vector<std::pair<std::string, std::string>> rows{
        {R"({"input":["role"],"stream":true})",
         "json: cannot unmarshal string into Go struct field "
         "ResponsesRequest.input of type openai.ResponsesInputItem"},
        {R"({"input":[{"role":"user","content":"x"},{"type":"compaction_trigger"}]})",
         "compaction_trigger requires stream=true"},
        {R"({"input":[{"type":"compaction_trigger"}],"stream":true})", "compaction input is empty"},
        {R"({"input":[{"type":"compaction_trigger"},{"role":"user","content":"x"}],"stream":true})",
         "compaction_trigger must be the final and only compaction trigger"},
        {item("opaque"), "unsupported compaction item: encrypted_content is not an Ollama payload"},
        {item("[]"), "unsupported compaction item: encrypted_content is not an Ollama payload"},
        {item(R"({"type":"x","version":1,"summary":"s"})"),
         "unsupported Ollama compaction payload type or version"},
        {item(R"({"type":"ollama_compaction","version":2,"summary":"s"})"),
         "unsupported Ollama compaction payload type or version"},
        {item(R"({"type":"ollama_compaction","version":1,"summary":" "})"),
         "Ollama compaction payload has an empty summary"},
        {item(R"({"type":"ollama_compaction","version":1,"summary":"s","retained":[7]})"),
         "json: cannot unmarshal number into Go struct field OllamaCompactionPayload.retained of type "
         "api.Message"},
    };
    for (const auto& [body, wanted] : rows) {
        EXPECT_EQ(refusal(path, body), rejected(wanted)) << body;
    }
    EXPECT_EQ(refusal(path + "/compact", R"({"input":[{"type":"compaction_trigger"}]})"),
              rejected("compaction_trigger is only valid on POST /v1/responses"));
    EXPECT_EQ(refusal(path + "/compact", R"({"model":"tiny","input":[]})"),
              rejected("compaction input is empty"));
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
        {R"([{"type":"function_call_output","output":"x"}])",
         "input[0]: function_call_output requires a call_id or a name"},
        {R"([{"type":"function_call_output","call_id":"","name":"f","output":"x"}])",
         "input[0]: function_call_output requires a non-empty call_id"},
        {R"([{"type":"tool_search_call","call_id":"c","arguments":"x"}])",
         "input[0]: tool_search_call arguments must be an object"},
        {R"([{"type":"tool_search_call","execution":"client","arguments":{}}])",
         "input[0]: tool_search_call with client execution requires a non-empty call_id"},
        {R"([{"type":"tool_search_output","execution":"x","call_id":"c","tools":[]}])",
         R"(input[0]: tool_search_output execution must be "client" or "server", got "x")"},
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
         refused(400, "this model reports no probabilities, so logprobs is not supported; leave it out")},
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
