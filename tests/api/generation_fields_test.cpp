// What of a chat request reaches the model (docs/facts/ollama_wire.md#openai-chat-request).

#include "api/openai/generation_fields.hpp"
#include "openai_fixture.hpp"

namespace corral::api::openai {
namespace {

class openai_request : public test::openai_test {
protected:
    generation_fields read(const std::string& more,
                           const std::string& messages = R"([{"role":"user","content":"Hi"}])") {
        http::request incoming;
        incoming.body = R"({"model":"tiny","messages":)" + messages + more + "}";
        decode_problem problem;
        generation_fields out = read_chat_request(incoming, problem);
        EXPECT_EQ(problem.message, "") << incoming.body;
        return out;
    }
    std::vector<chat::message> messages(const std::string& text) { return read("", text).messages; }
    generation_fields read_text(const std::string& more) {
        http::request incoming;
        incoming.body = R"({"model":"tiny","prompt":"def f(")" + more + "}";
        decode_problem problem;
        generation_fields out = read_completion_request(incoming, problem);
        EXPECT_EQ(problem.message, "") << incoming.body;
        return out;
    }
    using names = std::vector<std::string>;
};

TEST_F(openai_request, what_is_not_said_has_openai_s_defaults) {
    const generation_fields plain = read("");
    EXPECT_FALSE(plain.stream);
    EXPECT_FALSE(plain.include_usage);
    EXPECT_EQ(plain.sampling.temperature, 1.0);
    EXPECT_EQ(plain.sampling.top_p, 1.0);
    EXPECT_FALSE(plain.sampling.seed || plain.sampling.top_k || plain.sampling.presence_penalty ||
                 plain.sampling.frequency_penalty);
    EXPECT_FALSE(plain.limits.num_predict);
    EXPECT_TRUE(plain.limits.stops.empty());
    EXPECT_TRUE(plain.tools.is_null() && plain.format.is_null());
    EXPECT_FALSE(plain.reasoning.on);
    EXPECT_TRUE(plain.unused.empty());
}

TEST_F(openai_request, sampling_and_limits) {
    const generation_fields all = read(
        R"(,"temperature":0.2,"TOP_P":0.5,"seed":7,"frequency_penalty":0.5,"presence_penalty":-1,"max_tokens":20)");
    EXPECT_EQ(all.sampling.temperature, 0.2);
    EXPECT_EQ(all.sampling.top_p, 0.5);
    EXPECT_EQ(all.sampling.seed, 7);
    EXPECT_EQ(all.sampling.frequency_penalty, 0.5);
    EXPECT_EQ(all.sampling.presence_penalty, -1.0);
    EXPECT_EQ(all.limits.num_predict, 20);
    EXPECT_EQ(read(R"(,"max_completion_tokens":30)").limits.num_predict, 30);
    EXPECT_EQ(read(R"(,"max_tokens":20,"max_completion_tokens":30)").limits.num_predict, 20);
    EXPECT_FALSE(read(R"(,"max_completion_tokens":"many")").limits.num_predict);
    EXPECT_EQ(read(R"(,"stop":"END")").limits.stops, names{"END"});
    EXPECT_EQ(read(R"(,"stop":["a",7,"b",null])").limits.stops, (names{"a", "b"}));
    EXPECT_TRUE(read(R"(,"stop":7)").limits.stops.empty());
}

TEST_F(openai_request, efforts) {
    const std::vector<std::pair<std::string, std::string>> rows{
        {"minimal", "low"}, {"low", "low"},   {"medium", "medium"}, {"high", "high"},
        {"xhigh", "max"},   {"ultra", "max"}, {"max", "max"},
    };
    for (const auto& [said, meant] : rows) {
        for (const std::string& body :
             {R"(,"reasoning_effort":")" + said + "\"", R"(,"reasoning":{"effort":")" + said + "\"}"}) {
            const reasoning_choice got = read(body).reasoning;
            EXPECT_EQ(got.on, true) << body;
            EXPECT_EQ(got.effort, meant) << body;
        }
    }
    EXPECT_EQ(read(R"(,"reasoning_effort":"none")").reasoning.on, false);
    EXPECT_FALSE(read(R"(,"reasoning_effort":null)").reasoning.on);
    EXPECT_EQ(read(R"(,"reasoning":{"effort":"low"},"reasoning_effort":"high")").reasoning.effort, "low");
    EXPECT_FALSE(read(R"(,"reasoning":{},"reasoning_effort":"high")").reasoning.on);
}

TEST_F(openai_request, formats) {
    const auto format = [&](const std::string& wanted) {
        return read(R"(,"response_format":)" + wanted).format.dump();
    };
    EXPECT_EQ(format(R"({"type":"text"})"), "null");
    EXPECT_EQ(format(R"({"type":"json_object"})"), "\"json\"");
    EXPECT_EQ(
        format(
            R"({"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":{"type":"object","b":1,"a":2}}})"),
        R"({"type":"object","b":1,"a":2})");
    EXPECT_EQ(read(R"(,"response_format":{"type":"json_schema"})").unused, names{"response_format"});
}

TEST_F(openai_request, tools_are_shown_as_models_know_them) {
    const std::string tool =
        R"({"type":"function","function":{"parameters":{"type":"object","properties":{"b":{},"a":{}}},"strict":true,"description":"d","name":"f"}})";
    EXPECT_EQ(
        read(R"(,"tools":[)" + tool + "]").tools.dump(),
        R"([{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object","properties":{"b":{},"a":{}}}}}])");
    EXPECT_EQ(
        read(R"(,"tools":[{"type":"function","function":{"name":"now"}}])").tools.dump(),
        R"([{"type":"function","function":{"name":"now","parameters":{"type":"object","properties":{}}}}])");
    EXPECT_TRUE(read(R"(,"tools":[])").tools.is_null());
    EXPECT_TRUE(read(R"(,"tool_choice":"none","tools":[)" + tool + "]").tools.is_null());
    const std::vector<std::tuple<std::string, names, names>> rows{
        {R"("tool_choice":"auto")", {}, {}},
        {R"("tool_choice":"required")", {}, {"f"}},
        {R"("tool_choice":{"type":"function","function":{"name":"f"}})", {}, {"f"}},
        {R"("tool_choice":{"type":"function","name":"f"})", {}, {"f"}},
        {R"("tool_choice":{"type":"function","function":{"name":"g"}})", {"tool_choice"}, {}},
        {R"("tool_choice":{"type":"function","function":"f"})", {"tool_choice"}, {}},
        {R"("tool_choice":{"type":"allowed_tools"})", {"tool_choice"}, {}},
        {R"("tool_choice":7)", {"tool_choice"}, {}},
        {R"("parallel_tool_calls":false)", {}, {}},
    };
    for (const auto& [more, unused, must_call] : rows) {
        const generation_fields got = read("," + more + R"(,"tools":[)" + tool + "]");
        EXPECT_EQ(got.unused, unused) << more;
        EXPECT_EQ(got.must_call, must_call) << more;
        EXPECT_EQ(got.tools.size(), 1U);
    }
    const generation_fields custom = read(R"(,"tools":[{"type":"custom","custom":{"name":"x"}}])");
    EXPECT_TRUE(custom.tools.is_null());
    EXPECT_EQ(custom.unused, names{"tools.custom"});
}

TEST_F(openai_request, one_call_at_most_is_a_wish) {
    EXPECT_FALSE(read("").one_call);
    EXPECT_FALSE(read(R"(,"parallel_tool_calls":true)").one_call);
    EXPECT_TRUE(read(R"(,"parallel_tool_calls":false)").one_call);
}

TEST_F(openai_request, of_its_tools_some_are_allowed) {
    const std::string tools =
        R"(,"tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}},)"
        R"({"type":"custom","custom":{"name":"x"}}],"tool_choice":{"type":"allowed_tools")";
    const auto shown = [](const generation_fields& got) {
        names out;
        for (const auto& tool : got.tools) {
            out.push_back(tool["function"]["name"].get<std::string>());
        }
        return out;
    };
    const std::string g =
        R"("tools":[{"type":"function","function":{"name":"g"}},{"type":"custom","custom":{"name":"x"}}])";
    const generation_fields may = read(tools + R"(,"allowed_tools":{"mode":"auto",)" + g + "}}");
    EXPECT_EQ(shown(may), names{"g"});
    EXPECT_TRUE(may.must_call.empty());
    EXPECT_EQ(may.unused, names{"tools.custom"});
    const generation_fields must = read(tools + R"(,"allowed_tools":{"mode":"required",)" + g + "}}");
    EXPECT_EQ(shown(must), names{"g"});
    EXPECT_EQ(must.must_call, names{"g"});
    const generation_fields unknown = read(tools + R"(,"allowed_tools":{"mode":"Required",)" + g + "}}");
    EXPECT_EQ(shown(unknown), names{"g"});
    EXPECT_EQ(unknown.unused, (names{"tools.custom", "tool_choice"}))
        << "or an agent waits for a call in vain";
    EXPECT_EQ(read(tools + R"(,"allowed_tools":{)" + g + "}}").unused, names{"tools.custom"});
    const generation_fields none = read(tools + R"(,"allowed_tools":{"mode":"required","tools":[]}})");
    EXPECT_TRUE(none.tools.is_null());
    EXPECT_EQ(none.unused, (names{"tools.custom", "tool_choice"}));
    const generation_fields unclear = read(tools + R"(,"allowed_tools":7})");
    EXPECT_EQ(shown(unclear), (names{"f", "g"}));
    EXPECT_EQ(unclear.unused, (names{"tools.custom", "tool_choice"}));
    http::request incoming;
    incoming.body =
        R"({"model":"tiny","messages":[{"role":"user","content":"Hi"}])" + tools +
        R"(,"allowed_tools":{"mode":"auto","tools":[{"type":"function","function":{"name":"h"}}]}}})";
    decode_problem problem;
    (void)read_chat_request(incoming, problem);
    EXPECT_EQ(problem.message, "Tool choice 'h' not found in 'tools' parameter.");
    EXPECT_EQ(problem.status, 400U);
}

TEST_F(openai_request, what_has_no_effect_is_named) {
    const std::vector<std::pair<std::string, names>> rows{
        {R"("n":1)", {}},
        {R"("n":3)", {"n"}},
        {R"("logit_bias":{})", {}},
        {R"("logit_bias":{"50256":-100})", {"logit_bias"}},
        {R"("functions":[{"name":"f"}],"function_call":"auto")", {"functions", "function_call"}},
        {R"("user":"u","store":true,"metadata":{"a":"b"},"service_tier":"auto","options":{"num_ctx":9})", {}},
        {R"("tool_choice":"required")", {"tool_choice"}},
        {R"("tools":[],"tool_choice":"auto")", {}},
        {R"("logprobs":false)", {}},
    };
    for (const auto& [more, unused] : rows) {
        EXPECT_EQ(read("," + more).unused, unused) << more;
    }
}

TEST_F(openai_request, roles_and_parts) {
    const auto got =
        messages(R"([{"role":"Developer","content":"Be brief."},)"
                 R"({"role":"user","content":[{"type":"text","text":"one"},{"type":"text","text":"two"}]},)"
                 R"({"role":"assistant","content":[],"reasoning":"hm"}])");
    ASSERT_EQ(got.size(), 4U);
    EXPECT_EQ(got[0].from, chat::role::system);
    EXPECT_EQ(got[0].content, "Be brief.");
    EXPECT_EQ(got[1].from, chat::role::user);
    EXPECT_EQ(got[1].content, "one");
    EXPECT_EQ(got[2].content, "two");
    EXPECT_EQ(got[3].from, chat::role::assistant);
    EXPECT_EQ(got[3].thinking, "hm");
}

TEST_F(openai_request, a_round_of_tools) {
    const auto got = messages(
        R"([{"role":"user","content":"x"},)"
        R"({"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"b\":1,\"a\":2}"}},{"id":"c2","function":{"name":"g","arguments":"{}"}}]},)"
        R"({"role":"tool","tool_call_id":"c2","content":"3"},)"
        R"({"role":"tool","tool_call_id":"c1","name":"own","content":[{"type":"text","text":"4"}]}])");
    ASSERT_EQ(got.size(), 4U);
    ASSERT_EQ(got[1].calls.size(), 2U);
    EXPECT_EQ(got[1].content, "");
    EXPECT_EQ(got[1].calls[0].id, "c1");
    EXPECT_EQ(got[1].calls[0].name, "f");
    EXPECT_EQ(got[1].calls[0].arguments.dump(), R"({"b":1,"a":2})");
    EXPECT_EQ(got[2].from, chat::role::tool);
    EXPECT_EQ(got[2].tool_name, "g");
    EXPECT_EQ(got[2].tool_call_id, "c2");
    EXPECT_EQ(got[3].tool_name, "own");
    EXPECT_EQ(got[3].content, "4");
}

TEST_F(openai_request, calls_beside_parts_go_with_the_last_one) {
    const auto got = messages(
        R"([{"role":"user","content":"x"},{"role":"assistant","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}],)"
        R"("tool_calls":[{"id":"c","function":{"name":"f","arguments":"null"}}]}])");
    ASSERT_EQ(got.size(), 3U);
    EXPECT_TRUE(got[1].calls.empty());
    ASSERT_EQ(got[2].calls.size(), 1U);
    EXPECT_EQ(got[2].calls[0].arguments.dump(), "{}");
}

TEST_F(openai_request, images_are_seen_though_not_by_the_model) {
    for (const char* url : {"data:image/png;base64,aGk=", "data:;base64,aGk=", "data:image/jpg;base64,"}) {
        const std::string part = R"({"type":"image_url","image_url":)";
        EXPECT_TRUE(read("", R"([{"role":"user","content":[)" + part + "\"" + url + R"("}]}])").has_images);
        EXPECT_TRUE(
            read("", R"([{"role":"user","content":[)" + part + R"({"url":")" + url + R"("}}]}])").has_images);
    }
}

TEST_F(openai_request, the_prompt_of_a_text_completion_is_a_turn_or_stands_before_a_hole) {
    const generation_fields plain = read_text("");
    ASSERT_EQ(plain.messages.size(), 1U);
    EXPECT_EQ(plain.messages[0].content, "def f(");
    EXPECT_FALSE(plain.hole);
    const generation_fields holed = read_text(R"(,"suffix":"return x","stop":["a","b"],"max_tokens":5)");
    EXPECT_TRUE(holed.messages.empty());
    ASSERT_TRUE(holed.hole);
    EXPECT_EQ(holed.hole->prefix, "def f(");
    EXPECT_EQ(holed.hole->suffix, "return x");
    EXPECT_EQ(holed.limits.stops, (names{"a", "b"}));
    EXPECT_EQ(holed.limits.num_predict, 5);
    EXPECT_EQ(holed.sampling.temperature, 1.0);
    EXPECT_EQ(read_text(R"(,"n":2,"best_of":1,"echo":true)").unused, (names{"echo", "n"}));
    EXPECT_FALSE(read_text(R"(,"logprobs":0)").logprobs);
}

TEST_F(openai_request, it_arrives_at_the_runtime) {
    const auto got =
        ask("POST", "/v1/chat/completions",
            R"({"model":"tiny","temperature":0.3,"max_tokens":11,"messages":[{"role":"developer",)"
            R"("content":"Be brief."},{"role":"user","content":"Hi"}]})");
    EXPECT_EQ(got->answer.status, 200U);
    ASSERT_EQ(backend.seen.size(), 1U);
    EXPECT_EQ(backend.seen[0].sampling.temperature, 0.3);
    EXPECT_EQ(backend.seen[0].max_tokens, 11U);
    EXPECT_NE(backend.seen[0].prompt.system.find("Be brief."), std::string::npos);
}

// Each part becomes a message, with a copy of what belongs to all of them.
TEST_F(openai_request, parts_of_a_message_are_bounded_with_what_is_copied_to_each) {
    std::string parts;
    for (int i = 0; i < 10'001; ++i) {
        parts += std::string(i == 0 ? "" : ",") + R"({"type":"text","text":""})";
    }
    const auto many = ask("POST", "/v1/chat/completions",
                          R"({"model":"tiny","messages":[{"role":"user","content":[)" + parts + "]}]}");
    EXPECT_EQ(many->answer.status, 400U);
    const auto large = ask("POST", "/v1/chat/completions",
                           R"({"model":"tiny","messages":[{"role":"tool","content":"x","tool_call_id":")" +
                               std::string(2000, 'i') + R"("}]})");
    EXPECT_EQ(large->answer.status, 400U);
}

}  // namespace
}  // namespace corral::api::openai
