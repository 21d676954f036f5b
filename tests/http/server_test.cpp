#include "corral/http/server.hpp"

#include <fcntl.h>

#include <array>

#include <gmock/gmock.h>

#include "corral/core/wake_signal.hpp"
#include "live_server.hpp"

namespace corral::http::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// Answers with what it was asked; /stream in pieces, /throw, /silent and /half misbehave.
core::awaitable<void> echo(const request& incoming, response_writer& out) {
    if (incoming.path == "/throw") {
        throw std::runtime_error("broken on purpose");
    }
    if (incoming.path == "/silent") {
        co_return;
    }
    if (incoming.path == "/stream" || incoming.path == "/half") {
        response_head head;
        head.content_type = "application/x-ndjson";
        co_await out.begin(std::move(head));
        for (int i = 0; i < 3; ++i) {
            std::string piece = "piece " + std::to_string(i) + "\n";
            co_await out.write(std::move(piece));
            std::string nothing;
            co_await out.write(std::move(nothing));
        }
        if (incoming.path == "/half") {
            throw std::runtime_error("broken in the middle");
        }
        co_await out.finish();
        co_return;
    }
    response whole;
    whole.content_type = "text/plain";
    whole.status = incoming.path == "/empty" ? 204 : 200;
    whole.body = incoming.method + " " + incoming.path + " " + incoming.query + " " + incoming.body;
    co_await out.send(std::move(whole));
}

TEST(server, answers_and_keeps_the_connection) {
    live_server live(echo);
    auto client = live.connect();
    for (int i = 0; i < 3; ++i) {
        client.forget();
        ASSERT_TRUE(client.send("POST /a/b/?q HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody"));
        const std::string& got = client.read_until("POST /a/b q body");
        EXPECT_THAT(got, StartsWith("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: "));
        EXPECT_THAT(got, HasSubstr("\r\nContent-Length: 16\r\n\r\nPOST /a/b q body"));
        EXPECT_THAT(got, Not(HasSubstr("Server:")));
        EXPECT_THAT(got, Not(HasSubstr("Connection:")));
    }
    EXPECT_EQ(live.stats().connections, 1U);
    EXPECT_EQ(live.stats().exchanges, 0U);
}

TEST(server, closes_when_asked) {
    live_server live(echo);
    auto client = live.connect();
    client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(client.read_all(), HasSubstr("Connection: close\r\n"));
    EXPECT_TRUE(client.ended());
}

TEST(server, pipelined_requests_are_answered_in_order) {
    live_server live(echo);
    auto client = live.connect();
    client.send(
        "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nPOST /stream HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx\r\n"
        "GET /3 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    const std::string& got = client.read_all();
    const auto first = got.find("GET /1");
    const auto second = got.find("piece 2\n\r\n0\r\n\r\n");
    const auto third = got.find("GET /3");
    EXPECT_LT(first, second);
    EXPECT_LT(second, third);
    EXPECT_NE(third, std::string::npos);
}

TEST(server, request_may_come_in_any_pieces) {
    live_server live(echo);
    auto client = live.connect();
    for (const char letter : std::string("POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                                         "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")) {
        ASSERT_TRUE(client.send(std::string_view(&letter, 1)));
    }
    EXPECT_THAT(client.read_until("abcde"), HasSubstr("POST /x  abcde"));
}

TEST(server, streams_in_chunks) {
    live_server live(echo);
    auto client = live.connect();
    client.send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
    const std::string& got = client.read_until("\r\n0\r\n\r\n");
    EXPECT_THAT(got, HasSubstr("Transfer-Encoding: chunked\r\n"));
    EXPECT_EQ(body_of(got), "8\r\npiece 0\n\r\n8\r\npiece 1\n\r\n8\r\npiece 2\n\r\n0\r\n\r\n");
}

// The head of an answer with its first piece, and the last piece with the end.
core::awaitable<void> in_two_packets(request& asked, response_writer& out) {
    response_head head;
    out.cork(true);
    co_await out.begin(std::move(head));
    std::string piece = "a";
    co_await out.write(std::move(piece));
    out.cork(false);
    piece = asked.path == "/cut" ? "" : "b";
    co_await out.write(std::move(piece));
    if (asked.path == "/cut") {
        throw std::runtime_error("behind a piece without bytes");
    }
    out.cork(true);
    piece = "c";
    co_await out.write(std::move(piece));
    co_await out.finish();
}

TEST(server, corked_pieces_go_out_with_the_next) {
    live_server live(in_two_packets);
    auto client = live.connect();
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    std::array<char, 1000> first{};
    const auto got = ::recv(client.handle(), first.data(), first.size(), MSG_PEEK);
    ASSERT_GT(got, 0);
    EXPECT_THAT(std::string(first.data(), static_cast<std::size_t>(got)), HasSubstr("\r\na\r\n1\r\nb\r\n"));
    EXPECT_EQ(body_of(client.read_until("\r\n0\r\n\r\n")), "1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n");

    auto cut = live.connect();
    cut.send("GET /cut HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(body_of(cut.read_all()), "1\r\na\r\n");

    auto headed = live.connect();
    headed.send("HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(headed.read_all(), StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_EQ(body_of(headed.read_all()), "");

    auto older = live.connect();
    older.send("GET / HTTP/1.0\r\n\r\n");
    EXPECT_EQ(body_of(older.read_all()), "abc");
}

TEST(server, streams_without_chunks_where_the_length_is_known) {
    live_server live([](request& asked, response_writer& out) -> core::awaitable<void> {
        response_head head;
        head.headers.add("Content-Length", "12");
        core::error_code failed = co_await out.begin(std::move(head));
        for (int i = 0; i < 2 && !failed; ++i) {
            std::string piece = asked.path + "piece";
            failed = co_await out.write(std::move(piece));
        }
        co_await out.finish();
    });
    auto client = live.connect();
    client.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    const std::string& got = client.read_all();
    EXPECT_THAT(got, Not(HasSubstr("chunked")));
    EXPECT_THAT(got, HasSubstr("Content-Length: 12\r\nConnection: close\r\n\r\n/piece/piece"));
    EXPECT_THAT(got, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_EQ(got.find("piece"), got.rfind("/piece/piece") + 1) << "none behind HEAD";
}

TEST(server, http_1_0_gets_no_chunks) {
    live_server live(echo);
    auto stream = live.connect();
    stream.send("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    const std::string& got = stream.read_all();
    EXPECT_THAT(got, StartsWith("HTTP/1.0 200 OK"));
    EXPECT_THAT(got, Not(HasSubstr("chunked")));
    EXPECT_EQ(body_of(got), "piece 0\npiece 1\npiece 2\n");
    EXPECT_TRUE(stream.ended());

    auto plain = live.connect();
    plain.send("GET /a HTTP/1.0\r\n\r\n");
    EXPECT_EQ(body_of(plain.read_all()), "GET /a  ");
    EXPECT_TRUE(plain.ended());

    auto kept = live.connect();
    kept.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /b HTTP/1.0\r\n\r\n");
    EXPECT_THAT(kept.read_all(), HasSubstr("Connection: keep-alive\r\n\r\nGET /a"));
    EXPECT_THAT(kept.read_all(), HasSubstr("GET /b"));
}

TEST(server, head_counts_the_body_but_does_not_send_it) {
    live_server live(echo);
    auto client = live.connect();
    client.send(
        "HEAD /a HTTP/1.1\r\nHost: h\r\n\r\nHEAD /stream HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    const std::string& got = client.read_all();
    EXPECT_THAT(got, HasSubstr("Content-Length: 9\r\n\r\nHTTP/1.1 200"));
    EXPECT_THAT(got, Not(HasSubstr("piece")));
    EXPECT_TRUE(got.ends_with("\r\n\r\n"));
}

TEST(server, no_content_has_no_length) {
    live_server live(echo);
    auto client = live.connect();
    client.send("GET /empty HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(client.read_all(), Not(HasSubstr("Content-Length")));
    EXPECT_EQ(body_of(client.read_all()), "");
}

TEST(server, expect_continue_is_honoured) {
    live_server live(echo);
    auto client = live.connect();
    client.send("POST /x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("abc");
    EXPECT_THAT(client.read_until("abc"), HasSubstr("POST /x  abc"));
}

TEST(server, handler_that_fails_is_a_500_and_is_told) {
    live_server live(echo);
    for (const char* path : {"/throw", "/silent"}) {
        auto client = live.connect();
        client.send(std::string("GET ") + path + " HTTP/1.1\r\nHost: h\r\n\r\n");
        const std::string& got = client.read_until("}");
        EXPECT_THAT(got, StartsWith("HTTP/1.1 500 "));
        EXPECT_THAT(got, HasSubstr("Content-Type: application/json; charset=utf-8\r\n"));
        EXPECT_EQ(body_of(got), "{\"error\":\"internal server error\"}");
        client.forget();
        client.send("GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
        EXPECT_THAT(client.read_until("/next"), HasSubstr("GET /next"));
    }
    ASSERT_EQ(live.log().size(), 2U);
    EXPECT_THAT(live.log()[0], HasSubstr("GET /throw: broken on purpose"));
}

TEST(server, handler_that_fails_in_the_middle_cuts_the_stream) {
    live_server live(echo);
    auto client = live.connect();
    client.send("GET /half HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_THAT(client.read_all(), Not(HasSubstr("0\r\n\r\n")));
    EXPECT_TRUE(client.ended());
    auto old = live.connect();
    old.send("GET /half HTTP/1.0\r\n\r\n");
    old.read_all();
    EXPECT_TRUE(old.was_reset());  // an orderly end would look like a whole answer
}

TEST(server, malformed_requests_are_answered_in_json) {
    live_server live(echo);
    struct row {
        const char* bytes;
        const char* status;
    };
    const row rows[] = {
        {"nonsense\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\n\r\n", "400"},
        {"GET / HTTP/3.0\r\nHost: h\r\n\r\n", "505"},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "400"},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", "501"},
    };
    for (const row& one : rows) {
        auto client = live.connect();
        client.send(one.bytes);
        const std::string& got = client.read_all();
        EXPECT_THAT(got, StartsWith(std::string("HTTP/1.1 ") + one.status)) << one.bytes;
        EXPECT_THAT(got, HasSubstr("Connection: close\r\n"));
        EXPECT_THAT(body_of(got), StartsWith("{\"error\":\""));
        EXPECT_TRUE(client.ended()) << one.bytes;
    }
}

TEST(server, every_socket_is_closed_on_exec) {
    live_server live(echo);
    auto client = live.connect();
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    client.read_until("GET /");
    int sockets = 0;
    for (int handle = 0; handle < 256; ++handle) {
        int kind = 0;
        socklen_t size = sizeof kind;
        if (::getsockopt(handle, SOL_SOCKET, SO_TYPE, &kind, &size) == 0) {
            ++sockets;
            EXPECT_TRUE(::fcntl(handle, F_GETFD) & FD_CLOEXEC) << handle;
        }
    }
    EXPECT_GE(sockets, 3);  // listener, accepted, the client's own
}

TEST(server, a_taken_port_is_refused_by_its_address) {
    live_server live(echo);
    core::asio::io_context loop;
    server second(loop.get_executor(), {}, echo, [](std::string) {});
    const auto got = second.listen({core::asio::ip::address_v4::loopback(), live.port()});
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, boost::system::errc::address_in_use);
    EXPECT_THAT(got.error().message, HasSubstr("127.0.0.1:" + std::to_string(live.port())));
}

TEST(server, writer_calls_out_of_order_are_refused) {
    std::vector<core::error_code> errors;
    live_server live([&errors](const request&, response_writer& out) -> core::awaitable<void> {
        errors.push_back(co_await out.finish());
        std::string piece = "x";
        errors.push_back(co_await out.write(std::move(piece)));
        response first;
        errors.push_back(co_await out.send(std::move(first)));
        response second;
        errors.push_back(co_await out.send(std::move(second)));
    });
    auto client = live.connect();
    client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(client.read_all(), HasSubstr("Content-Length: 0\r\n"));
    ASSERT_EQ(errors.size(), 4U);
    EXPECT_TRUE(errors[0]);
    EXPECT_TRUE(errors[1]);
    EXPECT_FALSE(errors[2]);
    EXPECT_TRUE(errors[3]);
}

}  // namespace
}  // namespace corral::http::test
