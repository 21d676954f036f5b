// Answers of POST /v1/messages, byte for byte (docs/facts/ollama_wire.md#anthropic).

#include "api/anthropic/message_encoder.hpp"
#include "api_fixture.hpp"

namespace corral::api::anthropic {
namespace {

const std::string whole_body =
    R"({"model":"Tiny","max_tokens":50,"messages":[{"role":"user","content":"Hello there"}]})";
const std::string stream_body =
    R"({"model":"Tiny","max_tokens":50,"stream":true,"messages":[{"role":"user","content":"Hello there"}]})";

class anthropic_answer : public test::api_test {
protected:
    void say(std::vector<std::string> pieces, engine::run_end end = engine::run_end::stop) {
        backend.otherwise.pieces = std::move(pieces);
        backend.otherwise.end = end;
    }
    void die(bool retryable = false) {
        backend.otherwise.end = engine::run_end::failed;
        engine::run_failure died;
        died.message = core::reason::unlisted("the runtime died");
        died.retryable = retryable;
        backend.otherwise.failure = died;
    }
    static std::string without_ids(std::string text) {
        text = std::regex_replace(text, std::regex("msg_[0-9a-f]{24}"), "msg_X");
        return std::regex_replace(text, std::regex("req_[0-9a-f]{24}"), "req_X");
    }
};

// 4 + 11 bytes of role and text.
const std::string message_start =
    "event: message_start\n"
    R"(data: {"type":"message_start","message":{"id":"msg_X","type":"message","role":"assistant","model":"Tiny","content":[],"usage":{"input_tokens":3,"cache_read_input_tokens":0,"output_tokens":0}}})"
    "\n\n";
const std::string text_start =
    "event: content_block_start\n"
    R"(data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})"
    "\n\n";
const std::string message_stop =
    "event: message_stop\n"
    R"(data: {"type":"message_stop"})"
    "\n\n";
const std::string ping =
    "event: ping\n"
    R"(data: {"type":"ping"})"
    "\n\n";

std::string text_delta(const std::string& text) {
    return "event: content_block_delta\n"
           R"(data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":")" +
           text + "\"}}\n\n";
}

std::string block_stop(int index) {
    return "event: content_block_stop\n"
           R"(data: {"type":"content_block_stop","index":)" +
           std::to_string(index) + "}\n\n";
}

std::string message_delta(const std::string& reason, const std::string& usage) {
    return "event: message_delta\n"
           R"(data: {"type":"message_delta","delta":{"stop_reason":")" +
           reason + R"("},"usage":{)" + usage + "}}\n\n";
}

TEST_F(anthropic_answer, a_stream_is_these_events_in_this_order) {
    say({"Hel", "lo <b>"});
    const auto got = ask("POST", "/v1/messages", stream_body);
    EXPECT_EQ(got->answer.status, 200U);
    EXPECT_EQ(got->answer.content_type, "text/event-stream");
    EXPECT_EQ(got->answer.headers.find("Cache-Control"), "no-cache");
    EXPECT_EQ(got->answer.headers.find("Connection"), "keep-alive");
    EXPECT_EQ(
        without_ids(got->answer.body),
        message_start + text_start + text_delta("Hel") + text_delta("lo \\u003cb\\u003e") + block_stop(0) +
            message_delta("end_turn", R"("input_tokens":7,"cache_read_input_tokens":0,"output_tokens":2)") +
            message_stop);
    EXPECT_TRUE(got->answer.finished);
    // One write an event of the model, so that each piece reaches the client at once.
    EXPECT_EQ(got->answer.writes.size(), 4U);
}

TEST_F(anthropic_answer, a_whole_answer_is_one_object) {
    say({"Hel", "lo"}, engine::run_end::length);
    const auto got = ask("POST", "/v1/messages", whole_body);
    EXPECT_EQ(got->answer.content_type, "application/json");
    EXPECT_EQ(
        without_ids(got->answer.body),
        R"({"id":"msg_X","type":"message","role":"assistant","model":"Tiny","content":[{"type":"text","text":"Hello"}],"stop_reason":"max_tokens","usage":{"input_tokens":7,"cache_read_input_tokens":0,"output_tokens":2}})"
        "\n");
}

TEST_F(anthropic_answer, an_empty_answer_has_no_blocks) {
    say({});
    const auto streamed = ask("POST", "/v1/messages", stream_body);
    EXPECT_EQ(
        without_ids(streamed->answer.body),
        message_start +
            message_delta("end_turn", R"("input_tokens":7,"cache_read_input_tokens":0,"output_tokens":0)") +
            message_stop);
    const auto whole = ask("POST", "/v1/messages", whole_body);
    EXPECT_NE(whole->answer.body.find(R"("content":[],"stop_reason":"end_turn")"), std::string::npos);
}

TEST_F(anthropic_answer, thinking_is_a_block_of_its_own) {
    backend.entry.family = "qwen3";
    backend.entry.capabilities = {"completion", "thinking"};
    say({"<think>\nhm\n</think>\n\nYes"});
    const auto streamed = ask("POST", "/v1/messages", stream_body);
    const std::string body = without_ids(streamed->answer.body);
    const auto position = [&](const std::string& text) { return body.find(text); };
    const auto opens = position(R"("index":0,"content_block":{"type":"thinking","thinking":""}})");
    const auto thinks = position(R"("index":0,"delta":{"type":"thinking_delta","thinking":"hm)");
    const auto closes = position(R"({"type":"content_block_stop","index":0})");
    const auto text = position(R"("index":1,"content_block":{"type":"text","text":""}})");
    ASSERT_NE(text, std::string::npos) << body;
    EXPECT_LT(opens, thinks);
    EXPECT_LT(thinks, closes);
    EXPECT_LT(closes, text);
    const auto whole = nlohmann::json::parse(ask("POST", "/v1/messages", whole_body)->answer.body);
    ASSERT_EQ(whole["content"].size(), 2U);
    EXPECT_EQ(whole["content"][0]["type"], "thinking");
    EXPECT_TRUE(whole["content"][0]["thinking"].get<std::string>().starts_with("hm"));
    EXPECT_EQ(whole["content"][1]["text"], "Yes");
}

TEST_F(anthropic_answer, a_stop_sequence_is_told_with_its_text) {
    const std::string stops = R"("stop_sequences":["no","END"],)";
    const auto with_stops = [&](std::string body) { return body.insert(1, stops); };
    say({"Hi E", "ND more"});
    const auto whole =
        nlohmann::json::parse(ask("POST", "/v1/messages", with_stops(whole_body))->answer.body);
    EXPECT_EQ(whole["content"][0]["text"], "Hi ");
    EXPECT_EQ(whole["stop_reason"], "stop_sequence");
    EXPECT_EQ(whole["stop_sequence"], "END");
    EXPECT_NE(ask("POST", "/v1/messages", with_stops(stream_body))
                  ->answer.body.find(R"("delta":{"stop_reason":"stop_sequence","stop_sequence":"END"})"),
              std::string::npos);
    say({"Hi"});
    const auto plain =
        nlohmann::json::parse(ask("POST", "/v1/messages", with_stops(whole_body))->answer.body);
    EXPECT_EQ(plain["stop_reason"], "end_turn");
    EXPECT_FALSE(plain.contains("stop_sequence"));
}

TEST_F(anthropic_answer, silence_is_broken_by_pings_after_the_message_has_begun) {
    context.silence = core::milliseconds{10};
    context.first_byte = context.silence;
    handler = make_api(context);
    backend.otherwise.gate_before_text = true;
    say({"Hi"});
    const auto got = start("POST", "/v1/messages", stream_body);
    ASSERT_TRUE(test::run_until(io, [&] { return got->answer.writes.size() >= 3; }));
    EXPECT_EQ(without_ids(got->answer.writes[0]), message_start);
    EXPECT_EQ(got->answer.writes[1], ping);
    EXPECT_EQ(got->answer.writes[2], ping);
    backend.open_gates();
    ASSERT_TRUE(test::run_until(io, [&] { return got->over; }));
    std::string body = without_ids(got->answer.body);
    for (auto at = body.find(ping); at != std::string::npos; at = body.find(ping)) {
        body.erase(at, ping.size());
    }
    EXPECT_EQ(body, message_start + text_start + text_delta("Hi") + block_stop(0) +
                        message_delta("end_turn",
                                      R"("input_tokens":7,"cache_read_input_tokens":0,"output_tokens":1)") +
                        message_stop);
}

TEST_F(anthropic_answer, a_stream_begins_with_the_tokens_of_what_was_left_of_a_prompt) {
    backend.prompt_limit = 600;
    say({"Hi"});
    const auto got =
        ask("POST", "/v1/messages",
            R"({"model":"Tiny","max_tokens":10,"stream":true,"messages":[{"role":"user","content":")" +
                std::string(4000, 'x') + "\"}]}");
    ASSERT_TRUE(got->answer.headers.contains("Corral-Shortened"));
    EXPECT_NE(got->answer.writes[0].find(R"("input_tokens":7,)"), std::string::npos) << got->answer.writes[0];
}

TEST_F(anthropic_answer, a_failure_before_the_first_byte_is_a_status_and_a_later_one_an_event) {
    say({});
    die();
    const std::string envelope =
        R"({"type":"error","error":{"type":"api_error","message":"the runtime died"},"request_id":"req_X"})"
        "\n";
    for (const std::string& body : {stream_body, whole_body}) {
        const auto got = ask("POST", "/v1/messages", body);
        EXPECT_EQ(got->answer.status, 500U);
        EXPECT_EQ(got->answer.content_type, "application/json");
        EXPECT_EQ(without_ids(got->answer.body), envelope);
        EXPECT_EQ(got->answer.headers.find("x-should-retry"), "false");
    }
    say({"half"});
    die();
    const auto late = ask("POST", "/v1/messages", stream_body);
    EXPECT_EQ(late->answer.status, 200U);
    EXPECT_EQ(without_ids(late->answer.body),
              message_start + text_start + text_delta("half") +
                  "event: error\n"
                  R"(data: {"type":"error","error":{"type":"api_error","message":"the runtime died"}})"
                  "\n\n");
    EXPECT_TRUE(late->answer.finished);
}

TEST_F(anthropic_answer, a_full_queue_is_overload_with_the_time_to_wait) {
    build({}, 1);
    backend.otherwise.gate_before_text = true;
    const auto running = start("POST", "/v1/messages", whole_body);
    const auto waiting = start("POST", "/v1/messages", whole_body);
    ASSERT_TRUE(
        test::run_until(io, [&] { return backend.running == 1 && admission->snapshot().waiting == 1; }));
    const auto refused = ask("POST", "/v1/messages", whole_body);
    EXPECT_EQ(refused->answer.status, 503U);
    EXPECT_EQ(
        without_ids(refused->answer.body),
        R"({"type":"error","error":{"type":"overloaded_error","message":"server busy, please try again.  maximum pending requests exceeded"},"request_id":"req_X"})"
        "\n");
    EXPECT_GE(std::stoi(std::string(refused->answer.headers.find("Retry-After"))), 1);
    EXPECT_FALSE(refused->answer.headers.contains("x-should-retry"));
    backend.otherwise.gate_before_text = false;
    backend.open_gates();
    ASSERT_TRUE(test::run_until(io, [&] { return running->over && waiting->over; }));
}

TEST_F(anthropic_answer, a_client_that_goes_stops_the_runtime) {
    backend.otherwise.gate_after_text = true;
    for (const std::string& body : {stream_body, whole_body}) {
        const int before = backend.cancelled;
        const auto got = start("POST", "/v1/messages", body);
        ASSERT_TRUE(test::run_until(io, [&] { return backend.running == 1; }));
        boost::asio::post(io, [&] { got->cancel.emit(boost::asio::cancellation_type::terminal); });
        ASSERT_TRUE(test::run_until(io, [&] { return got->over && backend.cancelled == before + 1; }));
        EXPECT_FALSE(got->answer.finished);
    }
}

std::string encode_all(std::vector<chat::generation_event> events) {
    event_encoder encoder({"msg_1", "m"});
    std::string out;
    for (chat::generation_event& each : events) {
        out += encoder.encode(each);
    }
    return out;
}

// "type:index" of each event, for looking at the order of blocks.
std::string outline(const std::string& stream) {
    std::string out;
    static const std::regex line(R"re(data: (\{.*\}))re");
    for (auto at = std::sregex_iterator(stream.begin(), stream.end(), line); at != std::sregex_iterator();
         ++at) {
        const auto data = nlohmann::json::parse(at->str(1));
        std::string word = data["type"].get<std::string>();
        if (data.contains("content_block")) {
            word = "+" + data["content_block"]["type"].get<std::string>();
        } else if (data.contains("delta") && data["delta"].contains("type")) {
            word = data["delta"]["type"].get<std::string>();
        } else if (data["type"] == "content_block_stop") {
            word = "-";
        }
        out += (out.empty() ? "" : " ") + word +
               (data.contains("index") ? std::to_string(data["index"].get<int>()) : "");
    }
    return out;
}

chat::tool_call_event call(const std::string& id) {
    return {{id, "f", nlohmann::ordered_json::parse(R"({"city":"Paris","n":1})")}};
}

TEST(anthropic_events, a_tool_call_is_a_block_with_its_arguments_in_one_piece) {
    const std::string got = encode_all({call("call_k3v9x0ab"), chat::finished_event{}});
    EXPECT_EQ(
        got,
        "event: content_block_start\n"
        R"(data: {"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"call_k3v9x0ab","name":"f","input":{}}})"
        "\n\nevent: content_block_delta\n"
        R"(data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"city\":\"Paris\",\"n\":1}"}})"
        "\n\n" +
            block_stop(0) +
            message_delta("tool_use", R"("input_tokens":0,"cache_read_input_tokens":0,"output_tokens":0)") +
            message_stop);
}

TEST(anthropic_events, blocks_follow_each_other) {
    using chat::text_event;
    using chat::thinking_event;
    const chat::finished_event end;
    struct row {
        std::vector<chat::generation_event> events;
        const char* wanted;
    };
    const std::vector<row> rows{
        {{thinking_event{"a"}, thinking_event{"b"}, text_event{"c"}, end},
         "+thinking0 thinking_delta0 thinking_delta0 -0 +text1 text_delta1 -1 message_delta message_stop"},
        {{text_event{"a"}, call("1"), call("2"), text_event{"b"}, end},
         "+text0 text_delta0 -0 +tool_use1 input_json_delta1 -1 +tool_use2 input_json_delta2 -2 "
         "+text3 text_delta3 -3 message_delta message_stop"},
        {{thinking_event{"a"}, text_event{"b"}, thinking_event{"dropped"}, text_event{"c"}, end},
         "+thinking0 thinking_delta0 -0 +text1 text_delta1 text_delta1 -1 message_delta message_stop"},
        {{thinking_event{"a"}, call("1"), end},
         "+thinking0 thinking_delta0 -0 +tool_use1 input_json_delta1 -1 message_delta message_stop"},
        {{text_event{"a"}, chat::failed_event{}}, "+text0 text_delta0 error"},
    };
    for (const row& each : rows) {
        EXPECT_EQ(outline(encode_all(each.events)), each.wanted);
    }
}

TEST(anthropic_events, a_whole_message_has_thinking_text_and_calls_in_this_order) {
    whole_answer said;
    said.text = "Hi";
    said.thinking = "Okay";
    said.calls.push_back(call("call_1").call);
    chat::finished_event end;
    end.usage.prompt_tokens = 11;
    end.usage.generated_tokens = 18;
    EXPECT_EQ(
        encode_message({"msg_1", "m"}, said, end),
        R"({"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"thinking","thinking":"Okay"},)"
        R"({"type":"text","text":"Hi"},{"type":"tool_use","id":"call_1","name":"f","input":{"city":"Paris","n":1}}],)"
        R"("stop_reason":"tool_use","usage":{"input_tokens":11,"cache_read_input_tokens":0,"output_tokens":18}})"
        "\n");
}

// Anthropic's input is the sum of both; a count that makes no sense takes nothing below zero.
TEST_F(anthropic_answer, tokens_that_were_not_computed_anew_are_no_input_tokens) {
    say({"Hi"});
    backend.otherwise.cached_tokens = 5;
    const std::string usage = R"("usage":{"input_tokens":2,"cache_read_input_tokens":5,"output_tokens":1})";
    EXPECT_NE(ask("POST", "/v1/messages", whole_body)->answer.body.find(usage), std::string::npos);
    EXPECT_NE(ask("POST", "/v1/messages", stream_body)->answer.body.find(usage), std::string::npos);
    backend.otherwise.cached_tokens = 70;
    EXPECT_NE(ask("POST", "/v1/messages", whole_body)->answer.body.find(R"("input_tokens":0,)"),
              std::string::npos);
}

}  // namespace
}  // namespace corral::api::anthropic
