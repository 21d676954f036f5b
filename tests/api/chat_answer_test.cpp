// Answers of POST /v1/chat/completions, byte for byte (docs/facts/ollama_wire.md#openai-chat-reply,
// #openai-chat-stream).

#include "api/openai/chat_answer.hpp"
#include "openai_fixture.hpp"

namespace corral::api::openai {
namespace {

const std::string path = "/v1/chat/completions";
const std::string asked = R"({"model":"Tiny","messages":[{"role":"user","content":"Hi"}])";
const std::string chunk_head =
    R"(data: {"id":"chatcmpl-N","object":"chat.completion.chunk","created":1,"model":"Tiny","system_fingerprint":"fp_ollama","choices":[)";
const std::string whole_head =
    R"({"id":"chatcmpl-N","object":"chat.completion","created":1,"model":"Tiny","system_fingerprint":"fp_ollama","choices":[)";
const std::string done = "data: [DONE]\n\n";

std::string chunk(const std::string& delta, const std::string& reason = "null") {
    return chunk_head + R"({"index":0,"delta":)" + delta + R"(,"finish_reason":)" + reason + "}]}\n\n";
}

class openai_chat : public test::openai_test {
protected:
    std::string streamed(const std::string& more = "") {
        const auto got = ask("POST", path, asked + R"(,"stream":true)" + more + "}");
        EXPECT_EQ(got->answer.status, 200U);
        EXPECT_EQ(got->answer.content_type, "text/event-stream");
        EXPECT_TRUE(got->answer.finished);
        return normal(got->answer.body);
    }
    std::string whole(const std::string& more = "") {
        const auto got = ask("POST", path, asked + more + "}");
        EXPECT_EQ(got->answer.status, 200U);
        EXPECT_EQ(got->answer.content_type, "application/json");
        return normal(got->answer.body);
    }
};

TEST_F(openai_chat, the_role_comes_first_and_the_end_has_a_chunk_of_its_own) {
    say({"Hel", "lo <b>"});
    EXPECT_EQ(streamed(), chunk(R"({"role":"assistant","content":"Hel"})") +
                              chunk(R"({"content":"lo \u003cb\u003e"})") + chunk("{}", "\"stop\"") + done);
    say({"a"}, engine::run_end::length);
    EXPECT_EQ(streamed(), chunk(R"({"role":"assistant","content":"a"})") + chunk("{}", "\"length\"") + done);
}

TEST_F(openai_chat, every_piece_is_a_write_and_all_have_one_id) {
    say({"a", "b"});
    const auto got = ask("POST", path, asked + R"(,"stream":true})");
    ASSERT_EQ(got->answer.writes.size(), 3U);
    std::vector<std::string> ids;
    for (const std::string& each : got->answer.writes) {
        std::smatch found;
        ASSERT_TRUE(std::regex_search(each, found, std::regex(R"re("id":"(chatcmpl-[0-9]{1,3})")re")));
        ids.push_back(found[1]);
    }
    EXPECT_EQ(ids[0], ids[1]);
    EXPECT_EQ(ids[0], ids[2]);
}

TEST_F(openai_chat, usage_is_a_chunk_without_choices_when_asked_for) {
    say({"a"});
    const std::string usage =
        chunk_head +
        R"(],"usage":{"prompt_tokens":7,"completion_tokens":1,"total_tokens":8,"prompt_tokens_details":{"cached_tokens":0}}})" +
        "\n\n";
    EXPECT_EQ(streamed(R"(,"stream_options":{"include_usage":true})"),
              chunk(R"({"role":"assistant","content":"a"})") + chunk("{}", "\"stop\"") + usage + done);
    EXPECT_EQ(streamed(R"(,"stream_options":{"include_usage":false})").find("usage"), std::string::npos);
}

// Open WebUI by its OpenAI connection: people read it. Other clients are programs, with a header for it.
TEST_F(openai_chat, open_webui_shows_what_was_not_read) {
    say({"Sum."});
    backend.prompt_limit = 600;
    const std::string told = R"(\n\n[The model did not read all of this)";
    const auto got = [&](const std::string& agent, const std::string& more, const std::string& text) {
        return ask("POST", path,
                   R"({"model":"Tiny","messages":[{"role":"user","content":")" + text + "\"}]" + more + "}",
                   {{"User-Agent", agent}})
            ->answer.body;
    };
    const std::string window = "Python/3.12 aiohttp/3.13.5";
    const std::string stream = R"(,"stream":true)";
    const std::string text(2000, 'x');
    const std::string shown = got(window, stream, text);
    const std::size_t at = shown.find(told);
    ASSERT_NE(at, std::string::npos) << shown;
    EXPECT_EQ(shown.find(told, at + 1), std::string::npos);
    EXPECT_GT(shown.find("\"stop\""), at) << "the end stays the last chunk";
    for (const std::string& silent :
         {got("OpenAI/Python 2.54.0", stream, text), got("", stream, text), got(window, "", text),
          got(window, stream, "short"), got(window, stream, "### Task:\\nGenerate a title. " + text),
          got(window, stream + R"(,"response_format":{"type":"json_object"})", text)}) {
        EXPECT_EQ(silent.find(told), std::string::npos) << silent;
    }
    const auto next = ask("POST", path,
                          R"({"model":"Tiny","messages":[{"role":"user","content":"a"},)"
                          R"({"role":"assistant","content":"b)" +
                              told + R"(: 9 bytes left out.]"},{"role":"user","content":"c"}]})");
    EXPECT_EQ(backend.seen.back().prompt.turns.find("did not read"), std::string::npos);
    context.shows_stream_errors = false;
    serve();
    EXPECT_EQ(got(window, stream, text).find(told), std::string::npos);
}

TEST_F(openai_chat, an_empty_answer_still_opens) {
    say({});
    EXPECT_EQ(streamed(), chunk(R"({"role":"assistant","content":""})") + chunk("{}", "\"stop\"") + done);
    EXPECT_EQ(
        whole(),
        whole_head +
            R"({"index":0,"message":{"role":"assistant","content":""},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":0,"total_tokens":7,"prompt_tokens_details":{"cached_tokens":0}}})"
            "\n");
}

TEST_F(openai_chat, a_whole_answer_is_one_object_and_a_newline) {
    say({"Hel", "lo"}, engine::run_end::length);
    EXPECT_EQ(
        whole(),
        whole_head +
            R"({"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"length"}],"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9,"prompt_tokens_details":{"cached_tokens":0}}})"
            "\n");
}

TEST_F(openai_chat, thinking_is_the_reasoning) {
    can({"completion", "thinking"}, "qwen3");
    say({"<think>\nOkay\n</think>\n\n", "Yes"});
    const std::string text = streamed();
    EXPECT_TRUE(text.starts_with(chunk_head +
                                 R"({"index":0,"delta":{"role":"assistant","content":"","reasoning":"Okay)"))
        << text;
    EXPECT_TRUE(text.ends_with(chunk(R"({"content":"Yes"})") + chunk("{}", "\"stop\"") + done)) << text;
    const auto tree = nlohmann::json::parse(whole());
    EXPECT_EQ(tree["choices"][0]["message"]["content"], "Yes");
    EXPECT_TRUE(tree["choices"][0]["message"]["reasoning"].get<std::string>().starts_with("Okay"));
}

TEST_F(openai_chat, a_tool_call_is_whole_in_its_chunk) {
    can({"completion", "tools"}, "qwen2.5");
    say({"Let me see.\n<tool_call>\n{\"name\": \"f\", \"argu",
         "ments\": {\"city\": \"<Paris>\", \"n\": 1}}\n", "</tool_call>"});
    const std::string tools =
        R"(,"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}])";
    const std::string call =
        R"("tool_calls":[{"id":"call_X","index":0,"type":"function","function":{"name":"f","arguments":"{\"city\":\"\\u003cParis\\u003e\",\"n\":1}"}}])";
    const std::string text = streamed(tools);
    EXPECT_TRUE(text.starts_with(chunk(R"({"role":"assistant","content":"Let me see."})"))) << text;
    EXPECT_TRUE(
        text.ends_with(chunk(R"({"content":"",)" + call + "}") + chunk("{}", "\"tool_calls\"") + done))
        << text;
    const std::string object = whole(tools);
    EXPECT_NE(object.find(call + R"(},"finish_reason":"tool_calls"}])"), std::string::npos) << object;
}

TEST_F(openai_chat, calls_are_counted_and_an_answer_that_was_cut_says_so) {
    chat_answer writer("m", false, random);
    std::string all;
    for (const char* name : {"f", "g"}) {
        chat::generation_event event =
            chat::tool_call_event{{"call_1", name, nlohmann::ordered_json::object()}};
        all += writer.encode(event);
    }
    EXPECT_NE(all.find(R"("delta":{"role":"assistant","content":"","tool_calls":[{"id":"call_1","index":0,)"),
              std::string::npos);
    EXPECT_NE(
        all.find(
            R"("delta":{"content":"","tool_calls":[{"id":"call_1","index":1,"type":"function","function":{"name":"g","arguments":"{}"}}]})"),
        std::string::npos)
        << all;
    chat::generation_event cut = chat::finished_event{chat::finish_reason::length, {}, {}};
    EXPECT_NE(writer.encode(cut).find(R"("finish_reason":"length")"), std::string::npos);
}

TEST_F(openai_chat, a_failure_after_text_is_an_error_event_and_no_end_mark) {
    die({"half"});
    EXPECT_EQ(streamed(), chunk(R"({"role":"assistant","content":"half"})") +
                              "data: " + envelope("api_error", "the runtime died") + "\n\n");
    EXPECT_EQ(refusal(path, asked + "}"), refused(500, "the runtime died"));
}

TEST_F(openai_chat, a_failure_before_text_is_a_status_that_says_whether_to_try_again) {
    die({});
    for (const char* stream : {"true", "false"}) {
        const auto got = ask("POST", path, asked + R"(,"stream":)" + stream + "}");
        EXPECT_EQ(got->answer.status, 500U);
        EXPECT_EQ(got->answer.body, envelope("api_error", "the runtime died") + "\n");
        EXPECT_EQ(got->answer.headers.find("x-should-retry"), "false");
        EXPECT_FALSE(got->answer.begun);
    }
}

TEST_F(openai_chat, silence_is_broken_by_a_comment) {
    be_impatient();
    backend.otherwise.gate_before_text = true;
    say({"late"});
    const auto got = start("POST", path, asked + R"(,"stream":true})");
    ASSERT_TRUE(test::run_until(io, [&] { return got->answer.writes.size() >= 2; }));
    EXPECT_EQ(got->answer.content_type, "text/event-stream");
    for (const std::string& each : got->answer.writes) {
        EXPECT_EQ(each, ": keep-alive\n\n");
    }
    backend.otherwise.gate_before_text = false;
    backend.open_gates();
    ASSERT_TRUE(test::run_until(io, [&] { return got->over; }));
    EXPECT_TRUE(normal(got->answer.body)
                    .ends_with(": keep-alive\n\n" + chunk(R"({"role":"assistant","content":"late"})") +
                               chunk("{}", "\"stop\"") + done));
}

TEST_F(openai_chat, a_failure_after_signs_of_life_is_an_error_event) {
    be_impatient();
    die({});
    backend.otherwise.gate_before_text = true;
    const auto got = start("POST", path, asked + R"(,"stream":true})");
    ASSERT_TRUE(test::run_until(io, [&] { return !got->answer.writes.empty(); }));
    backend.open_gates();
    ASSERT_TRUE(test::run_until(io, [&] { return got->over; }));
    EXPECT_EQ(got->answer.status, 200U);
    EXPECT_TRUE(got->answer.body.ends_with("data: " + envelope("api_error", "the runtime died") + "\n\n"));
    EXPECT_EQ(got->answer.body.find("[DONE]"), std::string::npos);
}

TEST_F(openai_chat, a_full_queue_says_when_to_come_again) {
    build({}, 1);
    backend.otherwise.gate_before_text = true;
    const auto running = start("POST", path, asked + "}");
    const auto waiting = start("POST", path, asked + "}");
    const auto got = ask("POST", path, asked + R"(,"stream":true})");
    EXPECT_EQ(got->answer.status, 503U);
    EXPECT_EQ(
        got->answer.body,
        envelope("api_error", "server busy, please try again.  maximum pending requests exceeded") + "\n");
    EXPECT_GE(std::stoi(std::string(got->answer.headers.find("Retry-After"))), 1);
    EXPECT_FALSE(got->answer.headers.contains("x-should-retry"));
    backend.otherwise.gate_before_text = false;
    backend.open_gates();
    EXPECT_TRUE(test::run_until(io, [&] { return running->over && waiting->over; }));
}

TEST_F(openai_chat, a_format_that_the_model_does_not_keep_is_said) {
    say({"no JSON at all"});
    for (const char* stream : {"true", "false"}) {
        const auto got = ask("POST", path,
                             asked + R"(,"response_format":{"type":"json_object"},"stream":)" + stream + "}");
        EXPECT_EQ(got->answer.status, 422U) << got->answer.body;
        EXPECT_EQ(got->answer.content_type, "application/json");
        EXPECT_NE(got->answer.body.find(R"("type":"api_error","param":null,"code":null}})"),
                  std::string::npos)
            << got->answer.body;
    }
    say({R"({"a":1})"});
    const auto good = ask("POST", path, asked + R"(,"response_format":{"type":"json_object"}})");
    const auto tree = nlohmann::json::parse(good->answer.body);
    EXPECT_EQ(tree["choices"][0]["message"]["content"], R"({"a":1})");
}

TEST_F(openai_chat, a_client_that_goes_stops_the_runtime) {
    backend.otherwise.gate_after_text = true;
    for (const char* stream : {"true", "false"}) {
        const int before = backend.cancelled;
        const auto got = start("POST", path, asked + R"(,"stream":)" + stream + "}");
        ASSERT_TRUE(test::run_until(io, [&] { return backend.running == 1; }));
        test::asio::post(io, [&] { got->cancel.emit(test::asio::cancellation_type::terminal); });
        ASSERT_TRUE(test::run_until(io, [&] { return got->over; }));
        EXPECT_TRUE(
            test::run_until(io, [&] { return backend.cancelled == before + 1 && backend.running == 0; }));
        EXPECT_FALSE(got->answer.finished);
    }
}

}  // namespace
}  // namespace corral::api::openai
