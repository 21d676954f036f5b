// Answers: lines, whole objects, load and unload, clients that go (docs/facts/ollama_wire.md#generate-reply,
// #load-and-unload, #chat-reply, #errors).

#include "api_fixture.hpp"

namespace corral::api {

namespace asio = boost::asio;
namespace {

using test::without_times;

const std::string chat_body = R"({"model":"Tiny","messages":[{"role":"user","content":"Hi"}]})";
const std::string chat_whole =
    R"({"model":"Tiny","stream":false,"messages":[{"role":"user","content":"Hi"}]})";

class ollama_stream : public test::api_test {
protected:
    void say(std::vector<std::string> pieces, engine::run_end end = engine::run_end::stop) {
        backend.otherwise.pieces = std::move(pieces);
        backend.otherwise.end = end;
    }
    static constexpr const char* figures =
        R"("total_duration":1,"load_duration":1,"prompt_eval_count":7,"prompt_eval_cached_count":0,"eval_count":2,"eval_duration":1)";
    // prefill_eval_duration may be too short to be there with a backend that answers at once.
    static std::string normal(std::string text) {
        text = without_times(std::move(text));
        const std::string prefill = R"("prompt_eval_duration":1,)";
        for (auto at = text.find(prefill); at != std::string::npos; at = text.find(prefill)) {
            text.erase(at, prefill.size());
        }
        static const std::regex context(R"("context":\[[0-9,]+\])");
        return std::regex_replace(text, context, R"("context":[])");
    }
};

TEST_F(ollama_stream, chat_is_a_line_an_event) {
    say({"Hel", "lo"});
    const auto got = ask("POST", "/api/chat", chat_body);
    EXPECT_EQ(got->answer.status, 200U);
    EXPECT_EQ(got->answer.content_type, "application/x-ndjson");
    EXPECT_TRUE(got->answer.finished);
    ASSERT_EQ(got->answer.writes.size(), 3U);
    EXPECT_EQ(
        normal(got->answer.writes[0]),
        R"({"model":"Tiny","created_at":"T","message":{"role":"assistant","content":"Hel"},"done":false})"
        "\n");
    EXPECT_EQ(
        normal(got->answer.writes[1]),
        R"({"model":"Tiny","created_at":"T","message":{"role":"assistant","content":"lo"},"done":false})"
        "\n");
    EXPECT_EQ(
        normal(got->answer.writes[2]),
        std::string(
            R"({"model":"Tiny","created_at":"T","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop",)") +
            figures + "}\n");
}

TEST_F(ollama_stream, generate_is_a_line_an_event) {
    say({"a<b", "\xE2\x80\xA8"});
    const auto got = ask("POST", "/api/generate", R"({"model":"tiny","prompt":"Hi"})");
    ASSERT_EQ(got->answer.writes.size(), 3U);
    EXPECT_EQ(normal(got->answer.writes[0]),
              R"({"model":"tiny","created_at":"T","response":"a\u003cb","done":false})"
              "\n");
    EXPECT_EQ(normal(got->answer.writes[1]),
              R"({"model":"tiny","created_at":"T","response":"\u2028","done":false})"
              "\n");
    EXPECT_EQ(
        normal(got->answer.writes[2]),
        std::string(
            R"({"model":"tiny","created_at":"T","response":"","done":true,"done_reason":"stop","context":[],)") +
            figures + "}\n");
}

TEST_F(ollama_stream, whole_answers_are_one_object_without_a_newline) {
    say({"Hel", "lo"}, engine::run_end::length);
    const auto chat = ask("POST", "/api/chat", chat_whole);
    EXPECT_EQ(chat->answer.content_type, "application/json; charset=utf-8");
    EXPECT_EQ(
        normal(chat->answer.body),
        std::string(
            R"({"model":"Tiny","created_at":"T","message":{"role":"assistant","content":"Hello"},"done":true,"done_reason":"length",)") +
            figures + "}");
    const auto generated = ask("POST", "/api/generate", R"({"model":"tiny","prompt":"Hi","stream":false})");
    EXPECT_EQ(
        normal(generated->answer.body),
        std::string(
            R"({"model":"tiny","created_at":"T","response":"Hello","done":true,"done_reason":"length","context":[],)") +
            figures + "}");
}

TEST_F(ollama_stream, tokens_that_were_not_computed_anew_are_told_also_where_there_are_none) {
    for (const unsigned cached : {0U, 5U}) {
        backend.otherwise.cached_tokens = cached;
        const std::string wanted =
            R"("prompt_eval_count":7,"prompt_eval_cached_count":)" + std::to_string(cached) + ",";
        for (const auto& [path, body] :
             {std::pair{"/api/chat", chat_body},
              {"/api/chat", chat_whole},
              {"/api/generate", std::string(R"({"model":"tiny","prompt":"Hi"})")}}) {
            const auto got = ask("POST", path, body);
            EXPECT_NE(got->answer.body.find(wanted), std::string::npos) << got->answer.body;
        }
    }
}

TEST_F(ollama_stream, thinking_has_its_own_key) {
    backend.entry.family = "qwen3";
    backend.entry.capabilities = {"completion", "thinking"};
    say({"<think>\nhm\n</think>\n\nYes"});
    const auto streamed = ask("POST", "/api/chat", chat_body);
    EXPECT_NE(streamed->answer.body.find(R"("message":{"role":"assistant","content":"","thinking":"hm)"),
              std::string::npos)
        << streamed->answer.body;
    const auto whole = ask("POST", "/api/generate", R"({"model":"tiny","prompt":"Hi","stream":false})");
    const auto tree = nlohmann::json::parse(whole->answer.body);
    EXPECT_EQ(tree["response"], "Yes");
    EXPECT_TRUE(tree["thinking"].get<std::string>().starts_with("hm"));
}

TEST_F(ollama_stream, num_predict_zero_answers_to_the_end) {
    say({"whole"});
    const auto got = ask("POST", "/api/generate",
                         R"({"model":"tiny","prompt":"x","stream":false,"options":{"num_predict":0}})");
    const auto tree = nlohmann::json::parse(got->answer.body);
    EXPECT_EQ(tree["response"], "whole");
    EXPECT_EQ(tree["done_reason"], "stop");
}

TEST_F(ollama_stream, a_failure_after_text_is_an_error_line_and_never_done) {
    say({"half"}, engine::run_end::failed);
    engine::run_failure died;
    died.message = core::reason::unlisted("the runtime died");
    backend.otherwise.failure = died;
    const auto got = ask("POST", "/api/chat", chat_body);
    EXPECT_EQ(got->answer.status, 200U);
    ASSERT_EQ(got->answer.writes.size(), 2U);
    EXPECT_EQ(
        without_times(got->answer.writes[1]),
        R"({"model":"Tiny","created_at":"T","message":{"role":"assistant","content":"\n\n[This answer is not whole: the runtime died]"},"done":false})"
        "\n{\"error\":\"the runtime died\"}\n");
    EXPECT_EQ(got->answer.body.find("\"done\":true"), std::string::npos);
    EXPECT_TRUE(got->answer.finished);
    const auto whole = ask("POST", "/api/chat", chat_whole);
    EXPECT_EQ(whole->answer.status, 500U);
    EXPECT_EQ(whole->answer.body, R"({"error":"the runtime died"})");
}

// Half an answer must not look whole where a client overlooks the line of its error.
TEST_F(ollama_stream, a_failure_is_text_too_unless_that_is_not_wanted_or_the_answer_is_json) {
    say({"half"}, engine::run_end::failed);
    engine::run_failure died;
    died.message = core::reason::unlisted("the runtime died");
    backend.otherwise.failure = died;
    const std::string generate = R"({"model":"tiny","prompt":"Hi"})";
    EXPECT_NE(ask("POST", "/api/generate", generate)->answer.body.find("not whole"), std::string::npos);
    std::string json = chat_body;
    json.insert(1, R"("format":"json",)");
    EXPECT_EQ(ask("POST", "/api/chat", json)->answer.body.find("not whole"), std::string::npos);
    context.shows_stream_errors = false;
    serve();
    const auto got = ask("POST", "/api/chat", chat_body);
    EXPECT_EQ(got->answer.writes.back(), "{\"error\":\"the runtime died\"}\n");
}

TEST_F(ollama_stream, while_there_is_nothing_to_tell_a_refusal_is_a_status) {
    context.silence = core::milliseconds{1};
    context.first_byte = core::milliseconds{60'000};
    serve();
    backend.otherwise.gate_before_text = true;
    const auto got = start("POST", "/api/chat", chat_body);
    const core::steady_time later = clock.now() + core::milliseconds{20};
    test::run_until(io, [&] { return clock.now() > later; });
    EXPECT_FALSE(got->answer.begun) << "no blank goes out before";
    say({}, engine::run_end::failed);
    backend.otherwise.failure = engine::run_failure{};
    backend.open_gates();
    ASSERT_TRUE(test::run_until(io, [&] { return got->over; }));
    EXPECT_EQ(got->answer.status, 200U);
}

TEST_F(ollama_stream, a_shortened_conversation_is_said_in_a_header) {
    backend.prompt_limit = 400;
    std::string messages;
    for (int i = 0; i < 20; ++i) {
        messages += R"({"role":"user","content":")" + std::string(40, 'q') +
                    R"("},{"role":"assistant","content":")" + std::string(40, 'a') + R"("},)";
    }
    messages += R"({"role":"user","content":"last"})";
    for (const char* stream : {"true", "false"}) {
        const auto got =
            ask("POST", "/api/chat",
                std::string(R"({"model":"tiny","stream":)") + stream + R"(,"messages":[)" + messages + "]}");
        EXPECT_EQ(got->answer.status, 200U) << got->answer.body;
        ASSERT_TRUE(got->answer.headers.contains("Corral-Dropped-Messages"));
        EXPECT_GT(std::stoi(std::string(got->answer.headers.find("Corral-Dropped-Messages"))), 20);
    }
    EXPECT_FALSE(ask("POST", "/api/chat", chat_body)->answer.headers.contains("Corral-Dropped-Messages"));
    const auto refused =
        ask("POST", "/api/chat", R"({"model":"tiny","truncate":false,"messages":[)" + messages + "]}");
    EXPECT_EQ(refused->answer.status, 400U);
    EXPECT_NE(refused->answer.body.find("400"), std::string::npos);
}

// Where people read it, and never shown to the model.
TEST_F(ollama_stream, who_reads_an_answer_is_told_that_not_all_was_read) {
    backend.prompt_limit = 600;
    const std::string told = "[The model did not read all of this";
    const auto body = [](const std::string& more, const std::string& text) {
        return R"({"model":"tiny",)" + more + R"("messages":[{"role":"user","content":")" + text + R"("}]})";
    };
    const std::string text = std::string(2000, 'x') + " sum that up";
    const auto got = ask("POST", "/api/chat", body("", text));
    EXPECT_NE(got->answer.body.find(told), std::string::npos) << got->answer.body;
    EXPECT_EQ(got->answer.body.find(told), got->answer.body.rfind(told));
    EXPECT_NE(got->answer.writes.back().find("\"done\":true"), std::string::npos)
        << "the end stays the last line";
    const std::string tools =
        R"("tools":[{"type":"function","function":{"name":"look_up","parameters":{"type":"object"}}}],)";
    backend.entry.capabilities = {"completion", "tools"};
    EXPECT_NE(ask("POST", "/api/chat", body(tools, text))->answer.body.find(told), std::string::npos)
        << "chat windows send tools with each question";
    struct silent {
        std::string more;
        std::string text;
    };
    for (const silent& one :
         {silent{"", "short"}, silent{R"("stream":false,)", text}, silent{R"("format":"json",)", text},
          silent{"", "### Task:\\nGenerate a title. " + text}}) {
        const auto quiet = ask("POST", "/api/chat", body(one.more, one.text));
        EXPECT_EQ(quiet->answer.body.find(told), std::string::npos) << quiet->answer.body;
    }
    const auto next = ask(
        "POST", "/api/chat",
        R"({"model":"tiny","messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b\n\n)" +
            told + R"(, for its context is too small: 9 bytes left out.]"},{"role":"user","content":"c"}]})");
    EXPECT_EQ(backend.seen.back().prompt.turns.find("did not read"), std::string::npos);
    context.shows_stream_errors = false;
    serve();
    EXPECT_EQ(ask("POST", "/api/chat", body("", text))->answer.body.find(told), std::string::npos);
}

TEST_F(ollama_stream, empty_prompts_load) {
    const auto generated = ask("POST", "/api/generate", R"({"model":"tiny"})");
    EXPECT_EQ(without_times(generated->answer.body),
              R"({"model":"tiny","created_at":"T","response":"","done":true,"done_reason":"load"})");
    EXPECT_EQ(generated->answer.content_type, "application/json; charset=utf-8");
    const auto chat = ask("POST", "/api/chat", R"({"model":"tiny","messages":[],"keep_alive":"1h"})");
    EXPECT_EQ(
        without_times(chat->answer.body),
        R"({"model":"tiny","created_at":"T","message":{"role":"assistant","content":""},"done":true,"done_reason":"load"})");
    EXPECT_TRUE(backend.seen.empty());
}

TEST_F(ollama_stream, a_load_waits_until_the_model_is_ready) {
    backend.set(engine::availability_state::loading);
    const auto got = start("POST", "/api/generate", R"({"model":"tiny"})");
    EXPECT_FALSE(got->over);
    backend.set(engine::availability_state::ready);
    ASSERT_TRUE(test::run_until(io, [&] { return got->over; }));
    EXPECT_EQ(got->answer.status, 200U);
    backend.set(engine::availability_state::loading);
    const auto broken = start("POST", "/api/chat", R"({"model":"tiny"})");
    backend.set(engine::availability_state::broken, "no device");
    ASSERT_TRUE(test::run_until(io, [&] { return broken->over; }));
    EXPECT_EQ(broken->answer.status, 503U);
    EXPECT_EQ(
        broken->answer.body,
        R"({"error":"The model does not start. Corral tries again by itself; ask again in about a minute. )"
        R"('corral status' tells its operator why."})");
}

TEST_F(ollama_stream, zero_keep_alive_unloads) {
    for (const char* zero : {"0", "0.0", R"("0")", R"("0s")"}) {
        const auto got = ask("POST", "/api/generate",
                             std::string(R"({"model":"tiny","prompt":"","keep_alive":)") + zero + "}");
        EXPECT_EQ(without_times(got->answer.body),
                  R"({"model":"tiny","created_at":"T","response":"","done":true,"done_reason":"unload"})");
    }
    backend.set(engine::availability_state::loading);
    const auto chat =
        ask("POST", "/api/chat", R"({"model":"tiny","keep_alive":0,"options":{"seed":"unchecked"}})");
    EXPECT_EQ(chat->answer.status, 200U);
    EXPECT_NE(chat->answer.body.find("unload"), std::string::npos);
}

TEST_F(ollama_stream, headers_wait_for_the_first_event) {
    backend.otherwise.gate_before_text = true;
    const auto got = start("POST", "/api/chat", chat_body);
    ASSERT_TRUE(test::run_until(io, [&] { return backend.running == 1; }));
    EXPECT_FALSE(got->answer.begun);
    backend.open_gates();
    ASSERT_TRUE(test::run_until(io, [&] { return got->over; }));
    EXPECT_TRUE(got->answer.begun);
}

TEST_F(ollama_stream, a_client_that_goes_stops_the_runtime) {
    backend.otherwise.gate_after_text = true;
    for (const std::string& body : {chat_body, chat_whole}) {
        const int before = backend.cancelled;
        const auto got = start("POST", "/api/chat", body);
        ASSERT_TRUE(test::run_until(io, [&] { return backend.running == 1; }));
        asio::post(io, [&] { got->cancel.emit(asio::cancellation_type::terminal); });
        ASSERT_TRUE(test::run_until(io, [&] { return got->over; }));
        EXPECT_TRUE(
            test::run_until(io, [&] { return backend.cancelled == before + 1 && backend.running == 0; }));
        EXPECT_FALSE(got->answer.finished);
    }
    EXPECT_TRUE(task_errors.empty());
}

TEST_F(ollama_stream, a_failed_write_stops_the_runtime) {
    backend.otherwise.gate_after_text = true;
    auto got = std::make_shared<test::exchange>(io);
    got->answer.fail_after_writes = 0;
    got->request = start("GET", "/healthz")->request;
    got->request.method = "POST";
    got->request.path = "/api/chat";
    got->request.body = chat_body;
    asio::co_spawn(io, handler(got->request, got->answer), [got](std::exception_ptr) { got->over = true; });
    ASSERT_TRUE(test::run_until(io, [&] { return got->over; }));
    EXPECT_TRUE(test::run_until(io, [&] { return backend.cancelled == 1; }));
}

TEST_F(ollama_stream, a_reader_that_stalls_does_not_delay_the_next) {
    say({"one", "two", "three"});
    auto stalled = std::make_shared<test::exchange>(io);
    stalled->request = start("GET", "/healthz")->request;
    stalled->request.method = "POST";
    stalled->request.path = "/api/chat";
    stalled->request.body = chat_body;
    stalled->answer.gate_closed = true;
    asio::co_spawn(io, handler(stalled->request, stalled->answer),
                   [stalled](std::exception_ptr) { stalled->over = true; });
    test::settle(io);
    EXPECT_EQ(ask("POST", "/api/chat", chat_whole)->answer.status, 200U);
    EXPECT_FALSE(stalled->over);
    stalled->answer.open_gate();
    ASSERT_TRUE(test::run_until(io, [&] { return stalled->over; }));
    EXPECT_NE(stalled->answer.body.find("\"done\":true"), std::string::npos);
}

}  // namespace
}  // namespace corral::api
