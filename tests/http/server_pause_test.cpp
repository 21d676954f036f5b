// A server that pauses for its successor: what was begun is finished, nobody is sent away.

#include <fcntl.h>
#include <gtest/gtest.h>

#include "http/live_server.hpp"

namespace corral::http {
namespace {

using test::eventually;
using test::live_server;

const std::string get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

core::awaitable<void> say_hello(const request&, response_writer& out) {
    response whole;
    whole.content_type = "text/plain";
    whole.body = "hello";
    co_await out.send(std::move(whole));
}

// Answers when told.
struct gate {
    std::atomic<bool> open{false};
    std::atomic<int> inside{0};
    core::awaitable<void> serve(const request&, response_writer& out) {
        ++inside;
        while (!open) {
            co_await core::sleep_for(core::milliseconds(2));
        }
        response whole;
        whole.body = "late";
        co_await out.send(std::move(whole));
    }
};

TEST(server_pause, connections_to_come_wait_and_are_served_after) {
    live_server server(say_hello);
    server.pause();
    auto client = server.connect();
    ASSERT_TRUE(client.connected());
    ASSERT_TRUE(client.send(get));
    client.read_until("hello", std::chrono::milliseconds{200});
    EXPECT_EQ(client.read_until("hello", std::chrono::milliseconds{1}), "");
    server.resume();
    EXPECT_NE(client.read_until("hello").find("200 OK"), std::string::npos);
}

TEST(server_pause, an_idle_connection_is_kept_aside_and_its_next_request_waits) {
    live_server server(say_hello);
    auto client = server.connect();
    client.send(get);
    client.read_until("hello");
    client.forget();
    server.pause();
    EXPECT_TRUE(eventually([&] { return server.stats().connections == 0; }));
    EXPECT_EQ(server.kept_aside(), 1U);
    client.send(get);
    EXPECT_EQ(client.read_until("hello", std::chrono::milliseconds{100}), "");
    server.resume();
    EXPECT_NE(client.read_until("hello").find("200 OK"), std::string::npos);
    EXPECT_EQ(server.kept_aside(), 0U);
}

TEST(server_pause, an_answer_under_way_is_finished_and_its_connection_kept) {
    gate held;
    live_server server([&held](const request& in, response_writer& out) { return held.serve(in, out); });
    auto client = server.connect();
    client.send(get);
    ASSERT_TRUE(eventually([&] { return held.inside == 1; }));
    server.pause();
    EXPECT_EQ(server.stats().connections, 1U);
    held.open = true;
    const std::string answer = client.read_until("late");
    EXPECT_NE(answer.find("200 OK"), std::string::npos);
    EXPECT_EQ(answer.find("Connection: close"), std::string::npos);
    EXPECT_TRUE(eventually([&] { return server.stats().connections == 0; }));
    EXPECT_EQ(server.kept_aside(), 1U);
    client.forget();
    client.send(get);
    server.resume();
    EXPECT_NE(client.read_until("late").find("200 OK"), std::string::npos);
}

TEST(server_pause, a_request_that_has_begun_is_taken_to_its_end) {
    live_server server(say_hello);
    auto client = server.connect();
    client.send("GET / HTTP/1.1\r\nHo");
    ASSERT_TRUE(eventually([&] { return server.stats().connections == 1; }));
    std::this_thread::sleep_for(std::chrono::milliseconds{50});  // its bytes are read
    server.pause();
    client.send("st: x\r\n\r\n");
    EXPECT_NE(client.read_until("hello").find("200 OK"), std::string::npos);
}

TEST(server_pause, stopping_while_paused_ends_those_kept_aside) {
    live_server server(say_hello);
    auto client = server.connect();
    client.send(get);
    client.read_until("hello");
    server.pause();
    EXPECT_TRUE(eventually([&] { return server.kept_aside() == 1; }));
    server.stop_accepting();
    client.read_all();
    EXPECT_TRUE(client.ended() || client.was_reset());
}

TEST(server_pause, pausing_again_and_again_keeps_one_accept_loop) {
    live_server server(say_hello);
    for (int turn = 0; turn < 20; ++turn) {
        server.pause();
        server.resume();
    }
    for (int turn = 0; turn < 5; ++turn) {
        auto client = server.connect();
        client.send(get);
        EXPECT_NE(client.read_until("hello").find("200 OK"), std::string::npos);
    }
}

TEST(server_pause, an_inherited_socket_is_listened_on_and_others_are_refused) {
    core::asio::io_context loop;
    server other(loop.get_executor(), {}, say_hello, [](const std::string&) {});
    EXPECT_FALSE(other.listen_on(STDIN_FILENO));
    EXPECT_FALSE(other.listen_on(999'999));
    const int closed = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_FALSE(other.listen_on(closed)) << "it does not listen";
    ::close(closed);
    server first(loop.get_executor(), {}, say_hello, [](const std::string&) {});
    const auto where = first.listen({core::asio::ip::address_v4::loopback(), 0});
    ASSERT_TRUE(where);
    const int copy = ::fcntl(first.listeners().at(0), F_DUPFD_CLOEXEC, 3);
    const auto same = other.listen_on(copy);
    ASSERT_TRUE(same) << same.error().message;
    EXPECT_EQ(*same, *where);
}

}  // namespace
}  // namespace corral::http
