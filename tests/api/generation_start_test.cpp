// What of a request reaches the backend (docs/facts/ollama_wire.md#json-input, #generate-request,
// #chat-request).

#include "api_fixture.hpp"

namespace corral::api {

namespace asio = boost::asio;
namespace {

class ollama_decode : public test::api_test {
protected:
    engine::run_spec run_of(const char* path, const std::string& body) {
        backend.seen.clear();
        const auto got = ask("POST", path, body);
        EXPECT_EQ(got->answer.status, 200U) << got->answer.body;
        EXPECT_EQ(backend.seen.size(), 1U) << body;
        return backend.seen.empty() ? engine::run_spec{} : backend.seen.front();
    }
    static bool holds(const std::string& text, const std::string& part) {
        return text.find(part) != std::string::npos;
    }
};

TEST_F(ollama_decode, keys_match_without_case_and_unknown_ones_are_ignored) {
    const auto run = run_of(
        "/api/generate",
        R"({"MODEL":"TINY:LATEST","Prompt":"why","Options":{"temperature":0.2,"foo":1},"bar":{},"STREAM":false} x)");
    EXPECT_TRUE(holds(run.prompt.turns, "why"));
    EXPECT_EQ(run.sampling.temperature, 0.2);
}

TEST_F(ollama_decode, the_command_line_clients_empty_fields_are_absent) {
    run_of(
        "/api/generate",
        R"({"model":"tiny","prompt":"hi","suffix":"","system":"","template":"","context":[],"images":[],"format":"","options":null,"keep_alive":null,"raw":false,"think":null,"logprobs":false})");
    run_of(
        "/api/chat",
        R"({"model":"tiny","messages":[{"role":"user","content":"hi","images":[],"tool_calls":null}],"tools":[],"format":null,"think":false,"keep_alive":"5m"})");
    run_of("/api/chat",
           R"({"model":"tiny:latest:local","messages":[{"role":"USER","content":"hi"}],"keep_alive":-1})");
    run_of("/api/generate", R"({"model":"tiny","prompt":"hi","keep_alive":0})");
}

TEST_F(ollama_decode, a_load_is_waited_for_as_long_as_the_request_says) {
    backend.set(engine::availability_state::loading);
    for (const char* path : {"/api/generate", "/api/chat"}) {
        const auto got = ask("POST", path, R"({"model":"tiny"})", {{"X-Request-Timeout", "50ms"}});
        EXPECT_EQ(got->answer.status, 504U) << got->answer.body;
    }
    EXPECT_EQ(
        ask("POST", "/v1/completions", R"({"model":"tiny","prompt":""})", {{"X-Request-Timeout", "50ms"}})
            ->answer.status,
        504U);
}

TEST_F(ollama_decode, system_overrides_the_models_own) {
    backend.entry.default_system = "from the manifest";
    EXPECT_TRUE(holds(run_of("/api/generate", R"({"model":"tiny","prompt":"hi"})").prompt.system,
                      "from the manifest"));
    const auto run = run_of("/api/generate", R"({"model":"tiny","prompt":"hi","system":"from the client"})");
    EXPECT_TRUE(holds(run.prompt.system, "from the client"));
    EXPECT_FALSE(holds(run.prompt.system, "from the manifest"));
}

TEST_F(ollama_decode, a_whole_conversation_goes_in) {
    const auto run = run_of("/api/chat", R"({"model":"tiny","messages":[
        {"role":"system","content":"be kind"},{"role":"user","content":"first"},
        {"role":"assistant","content":"second","thinking":"t"},{"role":"user","content":"third"},
        {"role":"assistant","tool_calls":[{"id":"c1","function":{"index":0,"name":"f","arguments":{"city":"Paris"}}}]},
        {"role":"tool","content":"rain","tool_name":"f"}]})");
    EXPECT_TRUE(holds(run.prompt.system, "be kind"));
    for (const char* part : {"first", "second", "third", "Paris", "rain"}) {
        EXPECT_TRUE(holds(run.prompt.turns, part)) << part << " in " << run.prompt.turns;
    }
}

TEST_F(ollama_decode, other_roles_are_read_as_the_nearest) {
    const auto run = run_of("/api/chat", R"({"model":"tiny","messages":[
        {"role":"Developer","content":"be kind"},{"role":"poet","content":"first"},{"role":"assistant","content":"second"},
        {"content":"third"},{"role":"assistant","tool_calls":[{"function":{"name":"f"}}]},{"role":"function","content":"rain"}]})");
    EXPECT_TRUE(holds(run.prompt.system, "be kind"));
    EXPECT_TRUE(holds(run.prompt.turns, "first"));
    EXPECT_TRUE(holds(run.prompt.turns, "third"));
    EXPECT_TRUE(holds(run.prompt.turns, "<tool_response>\nrain"));
}

TEST_F(ollama_decode, content_may_be_missing_or_null) {
    run_of(
        "/api/chat",
        R"({"model":"tiny","messages":[{"role":"user"},{"role":"assistant","content":null},{"role":"user","content":"x"}]})");
}

TEST_F(ollama_decode, options_reach_the_run) {
    const auto run = run_of("/api/chat", R"({"model":"tiny","messages":[{"role":"user","content":"x"}],
        "options":{"temperature":0,"top_k":3.7,"top_p":0.25,"repeat_penalty":1.5,"seed":9,"num_predict":11,"num_ctx":99}})");
    EXPECT_EQ(run.sampling.temperature, 0.0);
    EXPECT_EQ(run.sampling.top_k, 3);
    EXPECT_EQ(run.sampling.top_p, 0.25);
    EXPECT_EQ(run.sampling.repeat_penalty, 1.5);
    EXPECT_EQ(run.sampling.seed, 9);
    EXPECT_EQ(run.max_tokens, 11U);
}

TEST_F(ollama_decode, tools_pass_for_a_model_that_has_them) {
    backend.entry.family = "qwen3";
    backend.entry.capabilities = {"completion", "tools"};
    const auto run = run_of("/api/chat", R"({"model":"tiny","messages":[{"role":"user","content":"x"}],
        "tools":[{"type":"function","function":{"name":"get_weather","parameters":{"type":"object"}}}]})");
    EXPECT_TRUE(holds(run.prompt.system, "get_weather"));
}

// docs/facts/ollama_wire.md#think: another word is the model's own, if it names any.
TEST_F(ollama_decode, levels_of_thinking_are_those_that_the_model_names) {
    backend.entry.family = "qwen3";
    backend.entry.capabilities = {"completion", "thinking"};
    for (const std::string path : {"/api/chat", "/api/generate"}) {
        const std::string body =
            R"({"model":"tiny","prompt":"hi","messages":[{"role":"user","content":"hi"}],"think":"xhigh"})";
        backend.says.facts = nullptr;
        const auto refused = ask("POST", path, body);
        EXPECT_EQ(refused->answer.status, 400U);
        EXPECT_NE(refused->answer.body.find(R"(invalid think value: \"xhigh\" (must be \"high\")"),
                  std::string::npos)
            << refused->answer.body;
        backend.says.facts = std::make_shared<engine::model_facts>(
            engine::model_facts{{}, nlohmann::json{{"values", {true, "low", "xhigh"}}, {"default", "low"}}});
        EXPECT_EQ(run_of(path.c_str(), body).think, "xhigh");
    }
    const std::string said = R"({"model":"tiny","messages":[{"role":"user","content":"hi"}])";
    EXPECT_EQ(run_of("/api/chat", said + R"(,"think":"odd"})").think, true);
    EXPECT_TRUE(run_of("/api/chat", said + R"(,"think":false})").think.is_null());
    EXPECT_EQ(run_of("/v1/chat/completions", said + R"(,"reasoning_effort":"xhigh"})").think, "xhigh");
    EXPECT_EQ(run_of("/v1/chat/completions", said + R"(,"reasoning_effort":"high"})").think, true);
}

TEST_F(ollama_decode, typical_p_is_refused_where_it_says_something) {
    for (const std::string path : {"/api/chat", "/api/generate"}) {
        const std::string body =
            R"({"model":"tiny","prompt":"hi","messages":[{"role":"user","content":"hi"}],"options":{"typical_p":)";
        const auto refused = ask("POST", path, body + "1}}");
        EXPECT_EQ(refused->answer.status, 400U);
        EXPECT_EQ(refused->answer.body, R"({"error":"typical_p is no longer supported"})");
        EXPECT_EQ(ask("POST", path, body + "null}}")->answer.status, 200U);
    }
}

TEST_F(ollama_decode, thinking_is_on_by_default_for_a_model_that_thinks) {
    backend.entry.family = "qwen3";
    backend.entry.capabilities = {"completion", "thinking"};
    const std::string head = R"({"model":"tiny","messages":[{"role":"user","content":"x"}])";
    EXPECT_TRUE(run_of("/api/chat", head + "}").prompt.thinking);
    EXPECT_TRUE(run_of("/api/chat", head + R"(,"think":"low"})").prompt.thinking);
    EXPECT_FALSE(run_of("/api/chat", head + R"(,"think":false})").prompt.thinking);
}

TEST_F(ollama_decode, requests_of_different_peers_take_turns) {
    backend.otherwise.gate_before_text = true;
    const auto body = [](const std::string& text) {
        return R"({"model":"tiny","prompt":")" + text + R"("})";
    };
    std::vector<std::shared_ptr<test::exchange>> all;
    all.push_back(start("POST", "/api/generate", body("a1")));
    all.push_back(start("POST", "/api/generate", body("a2")));
    all.push_back(start("POST", "/api/generate", body("a3")));
    auto other = std::make_shared<test::exchange>(io);
    other->request = all.front()->request;
    other->request.body = body("b1");
    other->request.peer = {boost::asio::ip::make_address("192.168.1.2"), 50000};
    asio::co_spawn(io, handler(other->request, other->answer),
                   [other](std::exception_ptr) { other->over = true; });
    test::settle(io);
    all.push_back(other);
    backend.otherwise.gate_before_text = false;
    backend.open_gates();
    ASSERT_TRUE(test::run_until(io, [&] {
        return std::all_of(all.begin(), all.end(), [](const auto& each) { return each->over; });
    }));
    ASSERT_EQ(backend.seen.size(), 4U);
    EXPECT_TRUE(holds(backend.seen[0].prompt.turns, "a1"));
    EXPECT_TRUE(holds(backend.seen[1].prompt.turns, "b1"));
    EXPECT_TRUE(holds(backend.seen[2].prompt.turns, "a2"));
    EXPECT_TRUE(holds(backend.seen[3].prompt.turns, "a3"));
}

}  // namespace
}  // namespace corral::api
