#include "engine/dialects/rkllm_flask/flask_protocol.hpp"

#include <gtest/gtest.h>

namespace corral::engine::rkllm_flask {
namespace {

using streaming::answer_part;

catalog::runtime_traits traits() {
    catalog::runtime_traits out;
    out.chat_target = "/rkllm_chat";
    out.cumulative = true;
    out.thinking_switch = "/enable_thinking";
    out.busy_statuses = {503};
    return out;
}

run_spec spec() {
    run_spec out;
    out.prompt.system = "Be brief.";
    out.prompt.turns = "one<|im_end|>\n<|im_start|>assistant\ntwo<|im_end|>\n<|im_start|>user\nthree";
    out.sampling.temperature = 0.5;
    out.max_tokens = 7;
    return out;
}

TEST(flask_protocol, sends_the_whole_conversation_as_the_one_message_that_is_read) {
    const auto asked = flask_protocol(traits()).request_for(spec());
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->target, "/rkllm_chat");
    EXPECT_EQ(nlohmann::json::parse(asked->body), nlohmann::json::parse(R"({
        "messages": [{"role": "user", "content":
            "Be brief.\n\none<|im_end|>\n<|im_start|>assistant\ntwo<|im_end|>\n<|im_start|>user\nthree"}],
        "stream": true, "enable_thinking": false})"));
}

TEST(flask_protocol, thinking_follows_the_request_where_the_server_has_a_switch) {
    run_spec what = spec();
    what.prompt.thinking = true;
    const auto asked = flask_protocol(traits()).request_for(what);
    ASSERT_TRUE(asked);
    EXPECT_NE(asked->body.find("\"enable_thinking\":true"), std::string::npos);
    catalog::runtime_traits none = traits();
    none.thinking_switch.clear();
    const auto without = flask_protocol(none).request_for(what);
    ASSERT_TRUE(without);
    EXPECT_EQ(without->body.find("enable_thinking"), std::string::npos);
}

TEST(flask_protocol, bytes_that_are_no_utf8_do_not_spoil_the_request) {
    run_spec what = spec();
    what.prompt.turns = "broken \xff byte";
    const auto asked = flask_protocol(traits()).request_for(what);
    ASSERT_TRUE(asked);
    EXPECT_NE(asked->body.find("broken \xef\xbf\xbd byte"), std::string::npos);
}

TEST(flask_protocol, a_nul_does_not_cut_the_prompt_short) {
    run_spec what = spec();
    what.prompt.turns = std::string("before\0after", 12);
    const auto asked = flask_protocol(traits()).request_for(what);
    ASSERT_TRUE(asked);
    EXPECT_NE(asked->body.find("beforeafter"), std::string::npos);
}

TEST(flask_protocol, a_raw_prompt_is_refused_with_the_reason) {
    run_spec what = spec();
    what.prompt.verbatim = true;
    const auto asked = flask_protocol(traits()).request_for(what);
    ASSERT_FALSE(asked);
    EXPECT_EQ(asked.error().code, core::errc::refused);
    EXPECT_NE(asked.error().message.text().find("template"), std::string::npos);
}

TEST(flask_protocol, tells_busy_from_broken) {
    const flask_protocol protocol(traits());
    const auto busy = protocol.error_of(
        503, R"({"status":"error","message":"RKLLM_Server is busy! Maybe you can try again later."})");
    EXPECT_TRUE(busy.busy);
    EXPECT_EQ(busy.message, "RKLLM_Server is busy! Maybe you can try again later.");
    const auto page =
        protocol.error_of(500,
                          "<!doctype html>\n<html lang=en>\n<title>500 Internal Server Error</title>\n"
                          "<h1>Internal Server Error</h1>\n<p>The server encountered…</p>\n");
    EXPECT_FALSE(page.busy);
    EXPECT_EQ(page.status, 500U);
    EXPECT_EQ(page.message, "Internal Server Error");
    EXPECT_EQ(protocol.error_of(400, R"({"status":"error","message":"Invalid JSON data!"})").message,
              "Invalid JSON data!");
    EXPECT_EQ(protocol.error_of(500, "").message, "");
}

// Parts as one line: text in quotes, the others by name.
std::string shown(const std::vector<answer_part>& parts) {
    std::string out;
    for (const answer_part& part : parts) {
        if (const auto* text = std::get_if<streaming::text_part>(&part)) {
            out += text->text;
        } else if (const auto* error = std::get_if<streaming::error_part>(&part)) {
            out += "[error " + error->message + "]";
        } else if (const auto* finish = std::get_if<streaming::finish_part>(&part)) {
            out += "[finish " + finish->word + "]";
        } else {
            out += "[?]";
        }
    }
    return out;
}

std::string read(std::string_view bytes, std::size_t piece, bool cumulative = true) {
    flask_reader reader(cumulative);
    std::vector<answer_part> parts;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
        if (const auto fed = reader.feed(bytes.substr(at, piece), parts); !fed) {
            return shown(parts) + " failed: " + fed.error().message;
        }
    }
    const auto ended = reader.finish(parts);
    return shown(parts) + (ended ? "." : " failed: " + ended.error().message);
}

std::string choice(const std::string& json_text) {
    return R"({"index": 0, "delta": {"role": "assistant", "content": ")" + json_text +
           R"("}, "logprobs": null, "finish_reason": null})";
}

// As flask_server.py 1.2.3 writes it, json.dumps included.
std::string document(const std::vector<std::string>& pieces, std::size_t count) {
    std::string out = R"({"id": "rkllm_chat", "object": "rkllm_chat", "created": null, "choices": [)";
    for (std::size_t i = 0; i < count; ++i) {
        out += (i > 0 ? ", " : "") + choice(pieces[i]);
    }
    return out + R"(], "usage": {"prompt_tokens": null, "completion_tokens": null, "total_tokens": null}})" +
           "\n\n";
}

std::string streamed(const std::vector<std::string>& pieces) {
    std::string out;
    for (std::size_t count = 1; count <= pieces.size(); ++count) {
        out += document(pieces, count);
    }
    return out;
}

TEST(flask_reader, takes_each_piece_once_out_of_documents_that_repeat_them_all) {
    const std::string body =
        streamed({"H", "i", " ", "\\u4f60", "\\ud83d\\ude00", "\\n", "\\\"", "data: ", "}"});
    for (std::size_t piece = 1; piece < 300; ++piece) {
        EXPECT_EQ(read(body, piece), "Hi \xe4\xbd\xa0\xf0\x9f\x98\x80\n\"data: }.") << piece;
    }
    EXPECT_EQ(read(body, body.size()), read(body, 1));
}

TEST(flask_reader, the_same_piece_again_and_again_is_text_and_no_repetition) {
    EXPECT_EQ(read(streamed({"a", "a", "a", "", "a"}), 64), "aaaa.");
}

TEST(flask_reader, a_document_that_is_repeated_whole_says_nothing_new) {
    const std::vector<std::string> pieces{"o", "k"};
    EXPECT_EQ(read(document(pieces, 1) + document(pieces, 1) + document(pieces, 2), 64), "ok.");
    EXPECT_EQ(read(document(pieces, 2), 64), "ok.") << "two pieces at once";
}

TEST(flask_reader, where_documents_do_not_repeat_every_piece_counts) {
    EXPECT_EQ(read(document({"o"}, 1) + document({"k"}, 1), 64, false), "ok.");
}

TEST(flask_reader, an_answer_that_takes_words_back_is_a_failure) {
    EXPECT_NE(read(document({"o", "k"}, 2) + document({"n"}, 1), 64).find("retracted text"),
              std::string::npos);
}

TEST(flask_reader, reads_a_whole_answer) {
    const std::string body =
        R"({"id":"rkllm_chat","object":"rkllm_chat","created":null,"choices":[{"index":0,"message":{"role":"assistant",)"
        R"("content":"whole \u4f60"},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":null,)"
        R"("completion_tokens":null,"total_tokens":null}})";
    for (std::size_t piece = 1; piece < body.size(); ++piece) {
        EXPECT_EQ(read(body, piece), "whole \xe4\xbd\xa0[finish stop].") << piece;
    }
}

TEST(flask_reader, no_choices_is_an_answer_without_text) {
    EXPECT_EQ(read(R"({"id":"rkllm_chat","choices":[],"usage":{}})", 5), ".");
    EXPECT_EQ(read("", 1), ".");
}

TEST(flask_reader, an_error_told_with_status_200_is_one) {
    EXPECT_EQ(read(R"({"status":"error","message":"RKLLM_Server is busy!"})", 3),
              "[error RKLLM_Server is busy!].");
}

TEST(flask_reader, what_is_no_such_answer_is_a_failure) {
    for (const char* body :
         {"<!doctype html>", "data: {\"choices\":[]}\n\n", "{\"done\":true}", "[1]", "Hello"}) {
        EXPECT_NE(read(body, 4).find("failed"), std::string::npos) << body;
    }
}

TEST(flask_reader, a_body_that_ends_within_a_document_is_cut) {
    const std::string body = streamed({"a", "b"});
    EXPECT_NE(read(body.substr(0, body.size() - 10), 64).find("in the middle"), std::string::npos);
}

TEST(flask_reader, text_in_other_places_is_not_the_models) {
    EXPECT_EQ(
        read(
            R"({"content":"no","choices":[{"content":"no","delta":{"role":"no","content":["no",{"content":"no"}],)"
            R"("content":"yes"},"x":{"content":"no"}}]})",
            7),
        "yes.");
}

TEST(flask_reader, five_hundred_characters_make_megabytes_and_still_read_in_small_pieces) {
    const std::vector<std::string> pieces(500, "x");
    EXPECT_EQ(read(streamed(pieces), 4096), std::string(500, 'x') + ".");
}

}  // namespace
}  // namespace corral::engine::rkllm_flask
