// POST /v1/messages: what is refused, and what reaches the model (docs/facts/ollama_wire.md#anthropic,
// #errors).

#include "api/anthropic/messages_request.hpp"
#include "api/json/json_writer.hpp"
#include "api_fixture.hpp"

namespace corral::api::anthropic {
namespace {

class anthropic_request : public test::api_test {
protected:
    static std::string without_ids(const std::string& text) {
        return std::regex_replace(text, std::regex("req_[0-9a-f]{24}"), "req_X");
    }
    static std::string envelope(const std::string& type, const std::string& message) {
        std::string quoted;
        append_json_string(quoted, message);
        return R"({"type":"error","error":{"type":")" + type + R"(","message":)" + quoted +
               R"(},"request_id":"req_X"})";
    }
    messages_request read(const std::string& body) {
        http::request incoming;
        incoming.body = body;
        problem = {};
        return read_messages_request(incoming, problem);
    }
    decode_problem problem;
};

const std::string minimal = R"({"model":"tiny","max_tokens":9,"messages":[{"role":"user","content":"Hi"}])";

TEST_F(anthropic_request, what_is_wrong_with_the_request_is_said_in_order) {
    const std::string unmarshal = "json: cannot unmarshal ";
    const std::string head = R"({"model":"gone","max_tokens":9,"messages":[{"role":"user","content":)";
    const std::vector<std::pair<std::string, std::string>> rows{
        {"", "EOF"},
        {"x", "invalid character 'x' looking for beginning of value"},
        {R"({"model":"tiny")", "unexpected EOF"},
        {"[]", unmarshal + "array into Go value of type anthropic.MessagesRequest"},
        {"null", "model is required"},
        {R"({"max_tokens":0,"messages":[]})", "model is required"},
        {R"({"model":"gone"})", "max_tokens is required and must be positive"},
        {R"({"model":"gone","max_tokens":-1})", "max_tokens is required and must be positive"},
        {R"({"model":"gone","max_tokens":5})", "messages is required"},
        {R"({"model":"gone","max_tokens":5,"messages":[]})", "messages is required"},
        {R"({"model":"gone","max_tokens":"5"})",
         unmarshal + "string into Go struct field MessagesRequest.max_tokens of type int"},
        {R"({"model":"gone","temperature":"warm"})",
         unmarshal + "string into Go struct field MessagesRequest.temperature of type float64"},
        {R"({"model":"gone","stop_sequences":["a",1]})",
         unmarshal + "number into Go struct field MessagesRequest.stop_sequences of type string"},
        {R"({"model":"gone","stream":"yes"})",
         unmarshal + "string into Go struct field MessagesRequest.stream of type bool"},
        {R"({"model":"gone","max_tokens":9,"messages":["x"]})",
         unmarshal + "string into Go struct field MessagesRequest.messages of type anthropic.MessageParam"},
        {R"({"model":"gone","max_tokens":9,"messages":[{"role":"user"}]})",
         "invalid message content type: <nil>"},
        {head + "7}]}", "invalid message content type: float64"},
        {head + R"(["x"]}]})", "invalid content block format"},
        {head + "[]}]}", "messages is required, and none of them has any content"},
        {head + R"([{"type":"image"}]}]})", "invalid image source"},
        {head + R"([{"type":"image","source":{"type":"url","url":"http://x/y.png"}}]}]})",
         "invalid image source type: url. Only base64 images are supported."},
        {head + R"([{"type":"tool_use","name":"f","input":{}}]}]})",
         "tool_use block missing required 'id' field"},
        {head + R"([{"type":"tool_use","id":"call_1","input":{}}]}]})",
         "tool_use block missing required 'name' field"},
        {head + R"("x"}],"tools":[{"name":"f","input_schema":"none"}]})",
         R"(invalid input_schema for tool "f": it is not an object)"},
        {head + R"("x"}],"tools":["f"]})",
         unmarshal + "string into Go struct field MessagesRequest.tools of type anthropic.Tool"},
        {head + R"("x"}],"system":7})", "invalid system type: float64"},
        {head + R"("x"}],"output_config":{"format":{"type":"json_schema"}}})",
         "output_config.format.schema must be a JSON Schema object"},
    };
    for (const auto& [body, message] : rows) {
        const auto got = ask("POST", "/v1/messages", body);
        EXPECT_EQ(got->answer.status, 400U) << body;
        EXPECT_EQ(without_ids(got->answer.body), envelope("invalid_request_error", message)) << body;
        EXPECT_EQ(got->answer.content_type, "application/json; charset=utf-8");
    }
    EXPECT_TRUE(backend.seen.empty());
}

TEST_F(anthropic_request, what_the_model_is_not_or_can_not_is_said_after) {
    struct row {
        std::string body;
        unsigned status;
        std::string type;
        std::string message;
    };
    const std::string user = R"("max_tokens":9,"messages":[{"role":"user","content":)";
    const std::vector<row> rows{
        {R"({"model":"Gone",)" + user + R"("x"}]})", 404, "not_found_error", "model 'Gone' not found"},
        {R"({"model":"a b",)" + user + R"("x"}]})", 400, "invalid_request_error", "invalid model name"},
        {R"({"model":"x:cloud",)" + user + R"("x"}]})", 403, "permission_error",
         "ollama cloud is disabled: remote model is unavailable"},
        {R"({"model":"tiny",)" + user + R"("x"}],"tools":[{"name":"f","input_schema":{"type":"object"}}]})",
         400, "invalid_request_error", "registry.ollama.ai/library/tiny:latest does not support tools"},
        {R"({"model":"tiny",)" + user +
             R"([{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA=="}}]}]})",
         400, "invalid_request_error", "registry.ollama.ai/library/tiny:latest does not support images"},
    };
    for (const row& each : rows) {
        const auto got = ask("POST", "/v1/messages", each.body);
        EXPECT_EQ(got->answer.status, each.status) << each.body;
        EXPECT_EQ(without_ids(got->answer.body), envelope(each.type, each.message) + "\n") << each.body;
        EXPECT_EQ(got->answer.content_type, "application/json");
    }
    EXPECT_TRUE(backend.seen.empty());
}

TEST_F(anthropic_request, compressed_bodies_and_other_routes) {
    const auto packed = ask("POST", "/v1/messages", minimal + "}", {{"Content-Encoding", "br"}});
    EXPECT_EQ(packed->answer.status, 400U);
    EXPECT_EQ(
        without_ids(packed->answer.body),
        envelope("invalid_request_error",
                 R"(a request body with Content-Encoding "br" is not supported: send it uncompressed)"));
    const auto counted = ask("POST", "/v1/messages/count_tokens", minimal + "}");
    EXPECT_EQ(counted->answer.status, 200U);
    EXPECT_TRUE(std::regex_match(counted->answer.body, std::regex("\\{\"input_tokens\":[1-9][0-9]*\\}\n")))
        << counted->answer.body;
    const auto unlimited = ask("POST", "/v1/messages/count_tokens",
                               R"({"model":"tiny","messages":[{"role":"user","content":"Hi"}]})");
    EXPECT_EQ(unlimited->answer.body, counted->answer.body) << "a count needs no max_tokens";
    EXPECT_EQ(ask("POST", "/v1/messages/count_tokens", R"({"model":"tiny"})")->answer.status, 400U);
    const auto read = ask("GET", "/v1/messages");
    EXPECT_EQ(read->answer.status, 405U);
    EXPECT_EQ(read->answer.headers.find("Allow"), "POST");
}

TEST_F(anthropic_request, refusals_before_any_route_have_this_envelope) {
    const wire_format& format = format_of("/v1/messages");
    const std::vector<std::pair<unsigned, std::string>> rows{{401, "authentication_error"},
                                                             {403, "permission_error"},
                                                             {413, "request_too_large"},
                                                             {429, "rate_limit_error"},
                                                             {500, "api_error"},
                                                             {503, "overloaded_error"},
                                                             {504, "api_error"}};
    for (const auto& [status, type] : rows) {
        const http::response refused = format.refuse(status, "no", random);
        EXPECT_EQ(refused.status, status);
        EXPECT_EQ(without_ids(refused.body), envelope(type, "no") + "\n");
    }
}

TEST_F(anthropic_request, system_and_blocks_become_messages) {
    const messages_request got = read(R"({"model":"tiny","max_tokens":9,
        "system":[{"type":"text","text":"Be ","cache_control":{"type":"ephemeral"}},{"type":"text","text":"brief."},{"type":"x"}],
        "messages":[
            {"role":"robot","content":[{"type":"text","text":"Weather "},{"type":"document"},{"type":"text","text":"in Paris?"}]},
            {"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"Looking."},
                {"type":"tool_use","id":"call_1","name":"weather","input":{"city":"Paris"}}]},
            {"role":"user","content":[{"type":"text","text":"Well?"},
                {"type":"tool_result","tool_use_id":"call_1","content":[{"type":"text","text":"sun"},{"type":"text","text":"ny"}]},
                {"type":"tool_result","tool_use_id":"call_9","content":"none"}]}]})");
    ASSERT_FALSE(problem.found()) << problem.message;
    const std::vector<chat::message>& all = got.talk.messages;
    ASSERT_EQ(all.size(), 6U);
    EXPECT_EQ(all[0].from, chat::role::system);
    EXPECT_EQ(all[0].content, "Be brief.");
    EXPECT_EQ(all[1].from, chat::role::user);
    EXPECT_EQ(all[1].content, "Weather in Paris?");
    EXPECT_EQ(all[2].from, chat::role::assistant);
    EXPECT_EQ(all[2].content, "Looking.");
    EXPECT_EQ(all[2].thinking, "hm");
    ASSERT_EQ(all[2].calls.size(), 1U);
    EXPECT_EQ(all[2].calls[0].id, "call_1");
    EXPECT_EQ(all[2].calls[0].name, "weather");
    EXPECT_EQ(all[2].calls[0].arguments.dump(), R"({"city":"Paris"})");
    EXPECT_EQ(all[3].from, chat::role::tool);
    EXPECT_EQ(all[3].content, "sunny");
    EXPECT_EQ(all[3].tool_call_id, "call_1");
    EXPECT_EQ(all[3].tool_name, "weather");
    EXPECT_EQ(all[4].content, "none");
    EXPECT_EQ(all[4].tool_name, "");
    EXPECT_EQ(all[5].from, chat::role::user);
    EXPECT_EQ(all[5].content, "Well?");
    EXPECT_EQ(got.talk.unused, std::vector<std::string>{"content.document"});
}

TEST_F(anthropic_request, content_that_the_model_is_not_shown_is_named_once) {
    const std::string document =
        R"({"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"eA=="}})";
    messages_request got = read(
        R"({"model":"tiny","max_tokens":9,"mcp_servers":[{"type":"url","url":"https://x","name":"y"}],"messages":[)"
        R"({"role":"user","content":[{"type":"text","text":"Sum it up"},)" +
        document + "," + document +
        R"(]},{"role":"assistant","content":[{"type":"redacted_thinking","data":"z"},{"type":"text","text":"so"}]},)"
        R"({"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"search_result"}]}]}]})");
    ASSERT_FALSE(problem.found()) << problem.message;
    chat::generation_request request;
    fill(got, *models.all().front(), request);
    EXPECT_EQ(request.unused_options,
              (std::vector<std::string>{"mcp_servers", "content.document", "content.search_result"}));
    EXPECT_TRUE(read(minimal + R"(,"mcp_servers":[]})").tools.unused.empty());
    const auto told =
        ask("POST", "/v1/messages",
            R"({"model":"tiny","max_tokens":9,"mcp_servers":[{}],"messages":[{"role":"user","content":[)"
            R"({"type":"text","text":"Sum it up"},{"type":"document"}]}]})");
    EXPECT_EQ(told->answer.headers.find("Corral-Ignored"), "mcp_servers, content.document");
}

TEST_F(anthropic_request, a_document_of_text_is_read) {
    const messages_request got = read(
        R"({"model":"tiny","max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":"Sum it up:"},)"
        R"({"type":"document","title":"a.txt","context":"of May","source":{"type":"text","media_type":"text/plain","data":"Rain."}}]},)"
        R"({"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[)"
        R"({"type":"document","source":{"type":"content","content":[{"type":"text","text":"Sun"},{"type":"text","text":"ny."}]}}]}]}]})");
    ASSERT_FALSE(problem.found()) << problem.message;
    ASSERT_EQ(got.talk.messages.size(), 2U);
    EXPECT_EQ(got.talk.messages[0].content,
              "Sum it up:\n<document>\n<source>a.txt</source>\n<context>of May</context>\n"
              "<document_content>\nRain.\n</document_content>\n</document>\n");
    EXPECT_EQ(got.talk.messages[1].content,
              "<document>\n<document_content>\nSunny.\n</document_content>\n</document>\n");
    EXPECT_TRUE(got.talk.unused.empty());
}

TEST_F(anthropic_request, a_call_demanded_without_tools_is_told_as_ignored) {
    EXPECT_EQ(read(minimal + R"(,"tool_choice":{"type":"any"}})").tools.unused,
              std::vector<std::string>{"tool_choice"});
    EXPECT_EQ(read(minimal + R"(,"tools":[],"tool_choice":{"type":"tool","name":"x"}})").tools.unused,
              std::vector<std::string>{"tool_choice"});
    EXPECT_TRUE(read(minimal + R"(,"tool_choice":{"type":"auto"}})").tools.unused.empty());
}

TEST_F(anthropic_request, a_schema_where_the_beta_had_it_counts) {
    EXPECT_EQ(
        read(minimal + R"(,"output_format":{"type":"json_schema","schema":{"type":"array"}}})").format.dump(),
        R"({"type":"array"})");
    EXPECT_TRUE(read(minimal + R"(,"output_format":"x"})").format.is_null());
    EXPECT_FALSE(problem.found()) << problem.message;
}

TEST_F(anthropic_request, fields_reach_the_request) {
    backend.entry.capabilities = {"completion", "tools", "thinking"};
    messages_request got = read(minimal + R"(,"temperature":0.5,"top_p":0.8,"top_k":7,
        "stop_sequences":["END",""],"metadata":{"user_id":"u"},"unknown":1,
        "tools":[{"name":"f","description":"does","input_schema":{"type":"object","properties":{"b":{},"a":{}}}},
                 {"name":"g"},{"type":"web_search_20250305","name":"web_search"}],
        "tool_choice":{"type":"any"},
        "output_config":{"effort":"xhigh","format":{"type":"json_schema","schema":{"type":"object"}}}})");
    ASSERT_FALSE(problem.found()) << problem.message;
    chat::generation_request request;
    fill(got, *models.all().front(), request);
    EXPECT_EQ(request.limits.num_predict, 9);
    EXPECT_EQ(request.limits.stops, (std::vector<std::string>{"END", ""}));
    EXPECT_EQ(request.sampling.temperature, 0.5);
    EXPECT_EQ(request.sampling.top_p, 0.8);
    EXPECT_EQ(request.sampling.top_k, 7);
    EXPECT_EQ(request.sampling.seed, std::nullopt);
    EXPECT_EQ(
        request.tools.dump(),
        R"([{"type":"function","function":{"name":"f","description":"does","parameters":{"type":"object","properties":{"b":{},"a":{}}}}},)"
        R"({"type":"function","function":{"name":"g","parameters":{"type":"object","properties":{}}}}])");
    EXPECT_EQ(request.unused_options, (std::vector<std::string>{"tools.web_search_20250305"}));
    EXPECT_EQ(request.must_call, (std::vector<std::string>{"f", "g"}));
    messages_request named =
        read(minimal + R"(,"tools":[{"name":"f"},{"name":"g"}],"tool_choice":{"type":"tool","name":"g"}})");
    EXPECT_EQ(named.tools.must_call, (std::vector<std::string>{"g"}));
    EXPECT_FALSE(named.tools.one_call);
    const messages_request alone =
        read(minimal +
             R"(,"tools":[{"name":"f"}],"tool_choice":{"type":"auto","disable_parallel_tool_use":true}})");
    EXPECT_TRUE(alone.tools.one_call);
    EXPECT_TRUE(alone.tools.unused.empty());
    EXPECT_EQ(request.thinking, chat::thinking_mode::on);
    EXPECT_EQ(request.effort, "high");
    EXPECT_EQ(request.format.dump(), R"({"type":"object"})");
}

TEST_F(anthropic_request, thinking_follows_type_then_effort_then_the_model) {
    struct row {
        const char* rest;
        bool model_thinks;
        chat::thinking_mode wanted;
        const char* effort;
    };
    using mode = chat::thinking_mode;
    const std::vector<row> rows{
        {"", true, mode::on, ""},
        {"", false, mode::model_default, ""},
        {R"(,"thinking":{"type":"enabled","budget_tokens":1024})", true, mode::on, ""},
        {R"(,"thinking":{"type":"enabled"})", false, mode::model_default, ""},
        {R"(,"thinking":{"type":"disabled"},"output_config":{"effort":"max"})", true, mode::off, ""},
        {R"(,"thinking":{"type":"disabled"})", false, mode::off, ""},
        {R"(,"thinking":{"type":"adaptive"},"output_config":{"effort":"low"})", true, mode::on, "low"},
        {R"(,"output_config":{"effort":"low"})", false, mode::model_default, ""},
        {R"(,"output_config":{"effort":"unheard"})", true, mode::on, ""},
    };
    for (const row& each : rows) {
        backend.entry.capabilities = {"completion"};
        if (each.model_thinks) {
            backend.entry.capabilities.emplace_back("thinking");
        }
        messages_request got = read(minimal + each.rest + "}");
        chat::generation_request request;
        fill(got, *models.all().front(), request);
        EXPECT_EQ(request.thinking, each.wanted) << each.rest;
        EXPECT_EQ(request.effort, each.effort) << each.rest;
    }
}

TEST_F(anthropic_request, tool_choice_none_leaves_the_tools_out) {
    const messages_request got =
        read(minimal + R"(,"tools":[{"name":"f","input_schema":{}}],"tool_choice":{"type":"none"}})");
    EXPECT_TRUE(got.tools.tools.is_null());
    EXPECT_TRUE(got.tools.unused.empty());
}

TEST_F(anthropic_request, max_tokens_temperature_and_text_reach_the_runtime) {
    const auto got = ask("POST", "/v1/messages", minimal + R"(,"temperature":0.25,"system":"Be brief."})");
    EXPECT_EQ(got->answer.status, 200U) << got->answer.body;
    ASSERT_EQ(backend.seen.size(), 1U);
    EXPECT_EQ(backend.seen[0].max_tokens, 9U);
    EXPECT_EQ(backend.seen[0].sampling.temperature, 0.25);
    EXPECT_NE(backend.seen[0].prompt.turns.find("Hi"), std::string::npos);
    EXPECT_NE(backend.seen[0].prompt.system.find("Be brief."), std::string::npos);
}

}  // namespace
}  // namespace corral::api::anthropic
