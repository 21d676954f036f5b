#include "engine/dialects/rkllm_gradio/gradio_protocol.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace corral::engine::rkllm_gradio {
namespace {

using streaming::answer_part;

const std::string queue = "/gradio_api/call/get_RKLLM_output";

gradio_protocol protocol() {
    catalog::runtime_traits traits;
    traits.chat_target = queue;
    return gradio_protocol(traits);
}

run_spec spec() {
    run_spec out;
    out.prompt.system = "Be brief.";
    out.prompt.turns = "one<|im_end|>\n<|im_start|>assistant\ntwo<|im_end|>\n<|im_start|>user\nthree";
    return out;
}

struct went_on {
    bool so;
    http::stream_call call;
};

went_on behind(const std::string& target, unsigned status, const std::string& body) {
    went_on out{false, {}};
    out.call.target = target;
    out.call.body = "asked";
    out.so = protocol().next()(out.call, status, body);
    return out;
}

TEST(gradio_protocol, sends_a_history_of_one_message_that_holds_the_conversation) {
    const auto asked = protocol().request_for(spec());
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->target, queue);
    EXPECT_EQ(nlohmann::json::parse(asked->body), nlohmann::json::parse(R"({"data": [[[
        "Be brief.\n\none<|im_end|>\n<|im_start|>assistant\ntwo<|im_end|>\n<|im_start|>user\nthree", null]]]})"));
}

TEST(gradio_protocol, a_nul_and_bytes_that_are_no_utf8_do_not_spoil_the_request) {
    run_spec what = spec();
    what.prompt.turns = std::string("a\0b \xff", 5);
    const auto asked = protocol().request_for(what);
    ASSERT_TRUE(asked);
    EXPECT_NE(asked->body.find("ab \xef\xbf\xbd"), std::string::npos);
    what.prompt.verbatim = true;
    EXPECT_FALSE(protocol().request_for(what));
}

TEST(gradio_protocol, the_answer_is_read_at_the_event_that_it_names) {
    const went_on to = behind(queue, 200, R"({"event_id":"a9f930f6cbe2430ea93a45c7cac7d4b5"})");
    EXPECT_TRUE(to.so);
    EXPECT_EQ(to.call.method, "GET");
    EXPECT_EQ(to.call.target, queue + "/a9f930f6cbe2430ea93a45c7cac7d4b5");
    EXPECT_EQ(to.call.body, "");
}

TEST(gradio_protocol, gradio_4_is_asked_without_the_prefix) {
    const went_on to = behind(queue, 404, R"({"detail":"Not Found"})");
    EXPECT_TRUE(to.so);
    EXPECT_EQ(to.call.method, "POST");
    EXPECT_EQ(to.call.target, "/call/get_RKLLM_output");
    EXPECT_EQ(to.call.body, "asked");
    EXPECT_FALSE(behind(to.call.target, 404, "").so);
}

TEST(gradio_protocol, what_names_no_event_leads_nowhere) {
    for (const char* body :
         {"", "no json", "[]", "{}", R"({"event_id":5})", R"({"event_id":""})", R"({"event_id":"../x"})",
          R"({"event_id":"a b"})", R"({"event_id":"a\r\nHost: x"})"}) {
        EXPECT_FALSE(behind(queue, 200, body).so) << body;
    }
    EXPECT_FALSE(behind(queue, 200, R"({"event_id":")" + std::string(65, 'a') + "\"}").so);
    EXPECT_FALSE(behind(queue, 500, R"({"event_id":"a"})").so);
}

struct heard {
    std::string text;
    std::optional<std::string> error;
    bool ended = false;
    bool failed = false;
    bool operator==(const heard&) const = default;
};

heard read(const std::string& bytes, std::size_t piece = 1000) {
    gradio_reader reader;
    std::vector<answer_part> parts;
    heard out;
    for (std::size_t at = 0; at < bytes.size() && !out.failed; at += piece) {
        out.failed = !reader.feed(std::string_view(bytes).substr(at, piece), parts);
    }
    out.failed = out.failed || !reader.finish(parts);
    for (const answer_part& part : parts) {
        if (const auto* text = std::get_if<streaming::text_part>(&part)) {
            out.text += text->text;
        } else if (const auto* error = std::get_if<streaming::error_part>(&part)) {
            out.error = error->message;
        } else if (std::holds_alternative<streaming::end_part>(part)) {
            out.ended = true;
        }
    }
    return out;
}

std::string event(const std::string& name, const std::string& data) {
    return "event: " + name + "\ndata: " + data + "\n\n";
}

std::string said(const std::string& name, const std::string& answer) {
    using nlohmann::json;
    const json pair = json::array({"a question", answer});
    return event(name, json::array({json::array({pair})}).dump());
}

TEST(gradio_reader, tells_what_each_history_adds_however_it_is_cut) {
    const std::string bytes = event("heartbeat", "null") + said("generating", "One ") +
                              said("generating", "One two \xc3\xa9") +
                              event("complete", R"([[["a question", "One two \u00e9\ud83d\ude00"]]])");
    for (std::size_t piece = 1; piece < 60; ++piece) {
        const heard out = read(bytes, piece);
        EXPECT_EQ(out.text, "One two \xc3\xa9\xf0\x9f\x98\x80");
        EXPECT_TRUE(out.ended && !out.error && !out.failed);
    }
}

TEST(gradio_reader, only_the_event_that_says_so_ends_an_answer) {
    EXPECT_FALSE(read(said("generating", "half")).ended);
    EXPECT_FALSE(read(said("generating", "half") + "event: complete\ndata: [[[\"a qu").ended);
    EXPECT_EQ(read(said("complete", "all") + said("generating", "all of another")).text, "all");
}

TEST(gradio_reader, lines_that_get_their_indentation_later_are_said_once) {
    // Of Gradio 4: what all lines behind the first share is taken away, until a line has less.
    const heard out = read(said("generating", "def f():") + said("generating", "def f():\nif x:\n    y") +
                           said("complete", "def f():\n    if x:\n        y\nf()"));
    EXPECT_EQ(out.text, "def f():\nif x:\n    y\nf()");
    EXPECT_TRUE(out.ended);
    const heard behind = read(said("generating", "a\n    ") + said("complete", "a\nx"));
    EXPECT_EQ(behind.text, "a\n    x");
}

TEST(gradio_reader, an_answer_that_takes_words_back_is_none) {
    EXPECT_TRUE(read(said("generating", "One two") + said("generating", "One three")).failed);
    EXPECT_TRUE(read(said("generating", "One two") + said("generating", "One")).failed);
}

TEST(gradio_reader, failures_are_told_as_far_as_it_tells_them) {
    EXPECT_EQ(read(event("error", "null")).error, "Gradio gives no reason, but its log may");
    EXPECT_EQ(read(event("error", R"({"error": null})")).error, "Gradio gives no reason, but its log may");
    EXPECT_EQ(read(event("error", R"({"error": "no device"})")).error, "no device");
    EXPECT_EQ(read(event("error", "\"404: Session not found.\"")).error, "404: Session not found.");
    EXPECT_EQ(read(event("complete", "[null]")).error, "its answer has no word");
    EXPECT_FALSE(read(event("error", "null") + said("complete", "late")).ended);
}

TEST(gradio_reader, what_is_no_history_is_no_answer_and_has_bounds) {
    EXPECT_TRUE(read(event("generating", "no json")).failed);
    for (const char* data : {"{}", "[]", "[[]]", "[[[]]]", "[[[\"a\", 5]]]", "[[\"ab\"]]", "7"}) {
        const heard out = read(event("generating", data));
        EXPECT_TRUE(out.text.empty() && !out.failed) << data;
        EXPECT_TRUE(read(event("complete", data)).error) << data;
    }
    EXPECT_TRUE(read(event("generating", "[" + std::string(200, '[') + "]")).failed);
    EXPECT_TRUE(read("event: generating\ndata: " + std::string(300'000, 'x')).failed);
    EXPECT_TRUE(read("event: " + std::string(300'000, 'x')).failed);
}

}  // namespace
}  // namespace corral::engine::rkllm_gradio
