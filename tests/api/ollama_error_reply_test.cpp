// Requests that are refused: status and exact text (docs/facts/ollama_wire.md#json-input, #routes, #generate,
// #chat, #options, #names, #keep-alive).

#include "api_fixture.hpp"

namespace corral::api {
namespace {

class ollama_error : public test::api_test {
protected:
    struct row {
        const char* path;
        std::string body;
        unsigned status;
        std::string text;
    };
    void expect(const std::vector<row>& rows) {
        for (const row& each : rows) {
            const auto got = ask("POST", each.path, each.body);
            EXPECT_EQ(got->answer.status, each.status) << each.path << " " << each.body;
            const auto tree = nlohmann::json::parse(got->answer.body, nullptr, false);
            ASSERT_TRUE(tree.is_object() && tree.contains("error")) << got->answer.body;
            EXPECT_EQ(tree["error"], each.text) << each.path << " " << each.body;
            EXPECT_EQ(got->answer.content_type, "application/json; charset=utf-8");
        }
        EXPECT_TRUE(backend.seen.empty());
    }
};

constexpr const char* chat = "/api/chat";
constexpr const char* generate = "/api/generate";
constexpr const char* show = "/api/show";
const std::string user = R"("messages":[{"role":"user","content":"Hi"}])";

TEST_F(ollama_error, malformed_bodies) {
    expect({
        {chat, "", 400, "missing request body"},
        {generate, "  ", 400, "missing request body"},
        {show, "", 400, "missing request body"},
        {chat, "x", 400, "invalid character 'x' looking for beginning of value"},
        {generate, R"({"model":"tiny")", 400, "unexpected EOF"},
        {chat, "[]", 400, "json: cannot unmarshal array into Go value of type api.ChatRequest"},
        {chat, R"("x")", 400, "json: cannot unmarshal string into Go value of type api.ChatRequest"},
        {generate, "3", 400, "json: cannot unmarshal number into Go value of type api.GenerateRequest"},
        {show, "true", 400, "json: cannot unmarshal bool into Go value of type api.ShowRequest"},
        {chat, std::string(5000, '['), 400, "the JSON of the request is nested deeper than 100 levels"},
        {chat, "null", 400, "model is required"},
    });
}

TEST_F(ollama_error, wrong_types) {
    const std::string field = "json: cannot unmarshal ";
    expect({
        {chat, R"({"stream":"yes"})", 400,
         field + "string into Go struct field ChatRequest.stream of type bool"},
        {chat, R"({"model":1})", 400, field + "number into Go struct field ChatRequest.model of type string"},
        {chat, R"({"model":1.5})", 400,
         field + "number into Go struct field ChatRequest.model of type string"},
        {chat, R"({"messages":{}})", 400,
         field + "object into Go struct field ChatRequest.messages of type []api.Message"},
        {chat, R"({"messages":["x"]})", 400,
         field + "string into Go struct field ChatRequest.messages of type api.Message"},
        {chat, R"({"messages":[{"role":"user","content":[]}]})", 400,
         field + "array into Go struct field ChatRequest.messages.content of type string"},
        {chat, R"({"messages":[{"role":1}]})", 400,
         field + "number into Go struct field ChatRequest.messages.role of type string"},
        {chat,
         R"({"messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}]})",
         400,
         field + "string into Go struct field ChatRequest.messages.tool_calls.function.arguments of type "
                 "api.ToolCallFunctionArguments"},
        {chat, R"({"messages":[{"role":"user","images":"x"}]})", 400,
         field + "string into Go struct field ChatRequest.messages.images of type []api.ImageData"},
        {chat, R"({"tools":{}})", 400,
         field + "object into Go struct field ChatRequest.tools of type api.Tools"},
        {chat, R"({"options":[]})", 400,
         field + "array into Go struct field ChatRequest.options of type map[string]interface {}"},
        {generate, R"({"prompt":[]})", 400,
         field + "array into Go struct field GenerateRequest.prompt of type string"},
        {generate, R"({"raw":"no"})", 400,
         field + "string into Go struct field GenerateRequest.raw of type bool"},
        {generate, R"({"context":"x"})", 400,
         field + "string into Go struct field GenerateRequest.context of type []int"},
        {generate, R"({"truncate":1})", 400,
         field + "number into Go struct field GenerateRequest.truncate of type bool"},
        {generate, R"({"top_logprobs":1.5})", 400,
         field + "number 1.5 into Go struct field GenerateRequest.top_logprobs of type int"},
        {show, R"({"model":[]})", 400, field + "array into Go struct field ShowRequest.model of type string"},
        {show, R"({"model":"tiny","verbose":1})", 400,
         field + "number into Go struct field ShowRequest.verbose of type bool"},
    });
}

TEST_F(ollama_error, model_names) {
    expect({
        {chat, "{" + user + "}", 400, "model is required"},
        {chat, R"({"model":""})", 400, "model is required"},
        {chat, R"({"model":" "})", 400, "model is required"},
        {generate, "{}", 404, "model '' not found"},
        {generate, R"({"model":"  ","prompt":"x"})", 404, "model '' not found"},
        {show, "{}", 400, "model is required"},
        {chat, R"({"model":"other",)" + user + "}", 404, "model 'other' not found"},
        {chat, R"({"model":"tiny:4b",)" + user + "}", 404, "model 'tiny:4b' not found"},
        {generate, R"({"model":"other","prompt":"x"})", 404, "model 'other' not found"},
        {generate, R"({"model":"other"})", 404, "model 'other' not found"},
        {show, R"({"model":"other"})", 404, "model 'other:latest' not found"},
        {show, R"({"name":"Other:1b"})", 404, "model 'Other:1b' not found"},
        {chat, R"({"model":"a b",)" + user + "}", 400, "invalid model name"},
        {generate, R"({"model":"foo:","prompt":"x"})", 400, "invalid model name"},
        {show, R"({"model":"/x"})", 400, "invalid model name"},
        {show, R"({"model":"x!"})", 400, "invalid model name"},
        {chat, R"({"model":"big:cloud",)" + user + "}", 403,
         "ollama cloud is disabled: remote model is unavailable"},
        {chat, R"({"model":"big:120b-cloud",)" + user + "}", 403,
         "ollama cloud is disabled: remote model is unavailable"},
        {generate, R"({"model":"big:cloud:local","prompt":"x"})", 400,
         R"(use either :local or :cloud, not both: "big:cloud:local")"},
        {chat, R"({"model":"Big:Local:Cloud",)" + user + "}", 400,
         R"(use either :local or :cloud, not both: "Big:Local:Cloud")"},
    });
}

TEST_F(ollama_error, hold_the_beginning_of_a_long_value) {
    const std::string longer(100'000, 'w');
    const std::string shown = longer.substr(0, 80);
    expect({
        {chat, R"({"model":")" + longer + R"(",)" + user + "}", 400, "invalid model name"},
        {generate, R"({"model":"tiny)" + std::string(2000, ' ') + R"(","prompt":"x"})", 400,
         "invalid model name"},
        {chat, R"({"model":"tiny",)" + user + R"(,"format":")" + longer + R"("})", 500,
         "invalid format: \"\\\"" + shown.substr(1) + "\"; expected \"json\" or a valid JSON Schema object"},
        {chat, R"({"model":"tiny",)" + user + R"(,"think":")" + longer + R"("})", 400,
         "invalid think value: \"" + shown +
             "\" (must be \"high\", \"medium\", \"low\", \"max\", true, or false)"},
    });
}

TEST_F(ollama_error, what_this_server_can_not_do) {
    const std::string g = R"({"model":"tiny","prompt":"x",)";
    const std::string c = R"({"model":"tiny",)" + user + ",";
    const std::string both = "raw mode does not support template, system, or context";
    expect({
        {generate, g + R"("raw":true,"system":"s"})", 400, both},
        {generate, g + R"("raw":true,"template":"t"})", 400, both},
        {generate, g + R"("raw":true,"context":[1]})", 400, both},
        {generate, g + R"("suffix":"s"})", 400,
         "registry.ollama.ai/library/tiny:latest does not support insert"},
        {generate, g + R"("raw":true,"think":true,"system":"s"})", 400, both},
        {generate, g + R"("suffix":"s","think":true})", 400, R"("tiny" does not support thinking)"},
        {generate, g + R"("images":["aGk="],"options":{"seed":"x"}})", 500,
         R"(option "seed" must be of type integer)"},
        {generate, g + R"("_debug_render_only":true})", 400,
         "_debug_render_only is not supported: this server does not show rendered prompts"},
        {generate, g + R"("images":["data:image/png;base64,aGk="]})", 400,
         "illegal base64 data at input byte 4"},
        {chat, R"({"model":"none","messages":[{"role":"user","images":["a?=="]}]})", 400,
         "illegal base64 data at input byte 1"},
        {generate, g + R"("images":["aGk="]})", 400,
         "registry.ollama.ai/library/tiny:latest does not support images"},
        {chat, c + R"("format":"xml"})", 500,
         R"(invalid format: "\"xml\""; expected "json" or a valid JSON Schema object)"},
        {chat, c + R"("format":7})", 500,
         R"(invalid format: "7"; expected "json" or a valid JSON Schema object)"},
        {chat, c + R"("logprobs":true})", 400,
         "this model reports no probabilities, so logprobs is not supported; leave it out"},
        {chat, c + R"("top_logprobs":21})", 400, "top_logprobs must be between 0 and 20"},
        {chat, R"({"model":"none","top_logprobs":-1})", 400, "top_logprobs must be between 0 and 20"},
        {chat, c + R"("think":true})", 400, R"("tiny" does not support thinking)"},
        {chat, c + R"("think":"high"})", 400, R"("tiny" does not support thinking)"},
        {generate, g + R"("think":true})", 400, R"("tiny" does not support thinking)"},
        {chat, c + R"("think":"hard"})", 400,
         R"(invalid think value: "hard" (must be "high", "medium", "low", "max", true, or false))"},
        {chat, c + R"("think":1})", 400,
         R"(think must be a boolean or string ("high", "medium", "low", "max", true, or false))"},
        {chat, c + R"("tools":[{"type":"function","function":{"name":"f"}}]})", 400,
         "registry.ollama.ai/library/tiny:latest does not support tools"},
        {chat, R"({"model":"tiny","messages":[{"role":"user","content":"x","images":["aGk="]}]})", 400,
         "registry.ollama.ai/library/tiny:latest does not support images"},
    });
}

TEST_F(ollama_error, keep_alive_and_options) {
    const std::string g = R"({"model":"tiny","prompt":"x",)";
    expect({
        {generate, g + R"("keep_alive":"10"})", 400, R"(time: missing unit in duration "10")"},
        {generate, g + R"("keep_alive":""})", 400, R"(time: invalid duration "")"},
        {generate, g + R"("keep_alive":true})", 400, "Unsupported type: 'bool'"},
        {generate, g + R"("options":{"temperature":"hot"}})", 500,
         R"(option "temperature" must be of type float32)"},
        {generate, g + R"("options":{"num_ctx":"4k"}})", 500, R"(option "num_ctx" must be of type integer)"},
        {generate, g + R"("options":{"stop":"x"}})", 500, R"(option "stop" must be of type array)"},
        {generate, g + R"("options":{"stop":[1]}})", 500, R"(option "stop" must be of an array of strings)"},
        {chat, R"({"model":"tiny","options":{"seed":"x"}})", 500, R"(option "seed" must be of type integer)"},
        {chat, R"({"model":"tiny",)" + user + R"(,"options":{"use_mmap":"x"}})", 500,
         R"(option "use_mmap" must be of type boolean)"},
    });
}

TEST_F(ollama_error, an_embedding_model_neither_chats_nor_generates) {
    backend.entry.capabilities = {"embedding"};
    expect({
        {chat, R"({"model":"tiny",)" + user + "}", 400, R"("tiny" does not support chat)"},
        {generate, R"({"model":"tiny","prompt":"x"})", 400, R"("tiny" does not support generate)"},
    });
}

TEST_F(ollama_error, what_can_not_be_rendered) {
    const auto got = ask(
        "POST", chat,
        R"({"model":"tiny","stream":false,"messages":[{"role":"user","content":"x"},{"role":"assistant","content":"y"}]})");
    EXPECT_EQ(got->answer.status, 400U);
    EXPECT_NE(got->answer.body.find(R"({"error":")"), std::string::npos);
    EXPECT_TRUE(backend.seen.empty());
}

TEST_F(ollama_error, routes_and_methods) {
    const auto missing = ask("GET", "/api/nowhere");
    EXPECT_EQ(missing->answer.status, 404U);
    EXPECT_EQ(missing->answer.body, "404 page not found");
    const std::vector<std::tuple<const char*, const char*, const char*>> rows{
        {"GET", "/api/chat", "POST"},         {"DELETE", "/api/generate", "POST"},
        {"POST", "/api/tags", "HEAD, GET"},   {"HEAD", "/api/ps", "GET"},
        {"PUT", "/api/version", "HEAD, GET"}, {"GET", "/api/show", "POST"},
        {"POST", "/", "HEAD, GET"},           {"POST", "/healthz", "HEAD, GET"},
    };
    for (const auto& [method, path, allow] : rows) {
        const auto got = ask(method, path);
        EXPECT_EQ(got->answer.status, 405U) << method << " " << path;
        EXPECT_EQ(got->answer.body, "405 method not allowed");
        EXPECT_EQ(got->answer.headers.find("Allow"), allow) << method << " " << path;
    }
}

TEST_F(ollama_error, queue_full_says_when_to_come_again) {
    build({}, 1);
    backend.otherwise.gate_before_text = true;
    const std::string body = R"({"model":"tiny",)" + user + "}";
    const auto running = start("POST", chat, body);
    const auto waiting = start("POST", chat, body);
    const auto refused = ask("POST", chat, body);
    EXPECT_EQ(refused->answer.status, 503U);
    EXPECT_EQ(refused->answer.body,
              R"({"error":"server busy, please try again.  maximum pending requests exceeded"})");
    EXPECT_GE(std::stoi(std::string(refused->answer.headers.find("Retry-After"))), 1);
    backend.otherwise.gate_before_text = false;
    backend.open_gates();
    EXPECT_TRUE(test::run_until(io, [&] { return running->over && waiting->over; }));
    EXPECT_EQ(waiting->answer.status, 200U);
}

TEST_F(ollama_error, a_load_request_that_waits_hears_of_the_shutdown) {
    backend.set(engine::availability_state::loading);
    const auto load = start("POST", generate, R"({"model":"tiny"})");
    EXPECT_FALSE(load->over);
    admission->refuse_new();
    EXPECT_TRUE(test::run_until(io, [&] { return load->over; }));
    EXPECT_EQ(load->answer.status, 503U);
    EXPECT_EQ(load->answer.body, R"({"error":"this server is shutting down; ask again in a while"})");
}

TEST_F(ollama_error, failures_of_the_runtime_before_the_first_byte_are_status_codes) {
    const std::string body = R"({"model":"Tiny",)" + user + "}";
    backend.set(engine::availability_state::broken, "layer 3 is missing");
    const auto broken = ask("POST", chat, body);
    EXPECT_EQ(broken->answer.status, 503U);
    EXPECT_EQ(
        broken->answer.body,
        R"({"error":"The model does not start. Corral tries again by itself; ask again in about a minute. )"
        R"('corral status' tells its operator why."})");
    EXPECT_EQ(broken->answer.content_type, "application/json");
    EXPECT_FALSE(broken->answer.begun);
    backend.set(engine::availability_state::ready);
    backend.otherwise.end = engine::run_end::failed;
    backend.otherwise.pieces.clear();
    engine::run_failure died;
    died.message = core::reason::unlisted("the runtime died");
    backend.otherwise.failure = died;
    const auto dead = ask("POST", chat, body);
    EXPECT_EQ(dead->answer.status, 500U);
    EXPECT_EQ(dead->answer.body, R"({"error":"the runtime died"})");
}

}  // namespace
}  // namespace corral::api
