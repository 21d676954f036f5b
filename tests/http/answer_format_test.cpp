#include "http/answer_format.hpp"

#include <gtest/gtest.h>

namespace corral::http {
namespace {

TEST(answer_format, date_follows_rfc_9110) {
    date_text date;
    EXPECT_EQ(date.at(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
    EXPECT_EQ(date.at(784111778), "Sun, 06 Nov 1994 08:49:38 GMT");
}

TEST(answer_format, head_holds_what_ollama_sends_and_no_server_field) {
    response_head head;
    head.content_type = "application/json; charset=utf-8";
    head.headers.add("X-Extra", "1");
    EXPECT_EQ(
        format_head(head, {false, true, body_framing::length, 12, "now"}),
        "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nX-Extra: 1\r\nDate: now\r\n"
        "Content-Length: 12\r\n\r\n");
}

TEST(answer_format, a_value_cannot_add_a_line) {
    response_head head;
    head.headers.add("Vary", "a\r\nSet-Cookie: x");
    const std::string text = format_head(head, {false, true, body_framing::none, 0, "now"});
    EXPECT_EQ(text.find("\r\nSet-Cookie"), std::string::npos);
}

TEST(answer_format, framing_fields_of_a_handler_are_ignored) {
    response_head head;
    for (const char* name : {"content-length", "Transfer-Encoding"}) {
        head.headers.add(name, "gzip-99");
    }
    const std::string text = format_head(head, {false, true, body_framing::chunked, 0, "now"});
    EXPECT_EQ(text.find("99"), std::string::npos);
    EXPECT_EQ(text.find("gzip"), std::string::npos);
    EXPECT_NE(text.find("Transfer-Encoding: chunked\r\n"), std::string::npos);
}

TEST(answer_format, a_handler_may_say_that_the_connection_stays_where_it_does) {
    response_head head;
    head.headers.add("Connection", "keep-alive");
    const std::string stays = format_head(head, {false, true, body_framing::chunked, 0, "now"});
    EXPECT_NE(stays.find("Connection: keep-alive\r\n"), std::string::npos);
    const std::string goes = format_head(head, {false, false, body_framing::chunked, 0, "now"});
    EXPECT_NE(goes.find("Connection: close\r\n"), std::string::npos);
    EXPECT_EQ(goes.find("keep-alive"), std::string::npos);
}

TEST(answer_format, chunk_sizes_are_hexadecimal) {
    EXPECT_EQ(chunk_size_line(1), "1\r\n");
    EXPECT_EQ(chunk_size_line(255), "ff\r\n");
    EXPECT_EQ(chunk_size_line(65536), "10000\r\n");
}

TEST(answer_format, trailers_come_after_the_last_chunk_and_add_no_line_of_their_own) {
    EXPECT_EQ(last_chunk({}), "0\r\n\r\n");
    header_fields trailers;
    trailers.add("Server-Timing", "a;dur=1\r\n\r\nHTTP/1.1 200 OK");
    trailers.add("Content-Length", "5");
    EXPECT_EQ(last_chunk(trailers), "0\r\nServer-Timing: a;dur=1    HTTP/1.1 200 OK\r\n\r\n");
}

TEST(answer_format, trailers_are_announced_only_where_there_are_chunks) {
    response_head head;
    head.headers.add("Trailer", "Server-Timing");
    const std::string chunks = format_head(head, {false, true, body_framing::chunked, 0, "now"});
    EXPECT_NE(chunks.find("Trailer: Server-Timing\r\n"), std::string::npos);
    const std::string old = format_head(head, {true, false, body_framing::until_close, 0, "now"});
    EXPECT_EQ(old.find("Trailer"), std::string::npos);
}

TEST(answer_format, error_text_is_escaped_json_even_when_not_utf8) {
    EXPECT_EQ(error_answer(400, "a \"b\"").body, "{\"error\":\"a \\\"b\\\"\"}");
    EXPECT_EQ(error_answer(400, "\xff").body, "{\"error\":\"\xef\xbf\xbd\"}");
}

}  // namespace
}  // namespace corral::http
