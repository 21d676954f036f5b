// Bounds in size, number and time.

#include <malloc.h>
#include <sys/resource.h>

#include <atomic>

#include <gmock/gmock.h>

#include "corral/core/wake_signal.hpp"
#include "corral/http/server.hpp"
#include "live_server.hpp"

namespace corral::http::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

core::awaitable<void> size_of_body(const request& incoming, response_writer& out) {
    if (incoming.path == "/slow") {
        constexpr core::nanoseconds pause = std::chrono::milliseconds{300};
        co_await core::sleep_for(pause);
    }
    response whole;
    whole.body = "size " + std::to_string(incoming.body.size());
    co_await out.send(std::move(whole));
}

const std::string get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

TEST(server_limits, header_bomb_is_431) {
    live_server live(size_of_body);
    auto client = live.connect();
    client.send("GET / HTTP/1.1\r\nHost: h\r\n");
    for (int i = 0; i < 2000 && client.send("X-Bomb: 0123456789012345678901234567890123456789\r\n"); ++i) {
    }
    EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 431 "));
}

TEST(server_limits, ten_megabytes_are_taken) {
    live_server live(size_of_body);
    auto client = live.connect();
    const std::string body(10'000'000, 'x');
    ASSERT_TRUE(client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) +
                            "\r\n\r\n"));
    ASSERT_TRUE(client.send(body));
    EXPECT_THAT(client.read_until("size "), HasSubstr("size 10000000"));
}

TEST(server_limits, body_too_large_is_413_that_a_client_who_sends_all_first_can_read) {
    server_options options;
    options.max_body_bytes = 1000;
    live_server live(size_of_body, options);
    const std::string body(10'000'000, 'x');
    auto announced = live.connect();
    announced.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) +
                   "\r\n\r\n");
    EXPECT_TRUE(announced.send(body));
    EXPECT_THAT(announced.read_all(), StartsWith("HTTP/1.1 413 "));
    EXPECT_TRUE(announced.ended());
    announced.close();

    auto chunked = live.connect();
    chunked.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 20; ++i) {
        chunked.send("100\r\n" + std::string(256, 'x') + "\r\n");
    }
    EXPECT_THAT(chunked.read_all(), StartsWith("HTTP/1.1 413 "));

    auto asking = live.connect();
    asking.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1001\r\n\r\n");
    EXPECT_THAT(asking.read_until("}"), StartsWith("HTTP/1.1 413 "));
}

TEST(server_limits, all_bodies_together_are_bounded) {
    server_options options;
    options.max_body_bytes = 1000;
    options.max_buffered_body_bytes = 1500;
    live_server live(size_of_body, options);
    auto holder = live.connect();
    holder.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n" + std::string(900, 'x'));
    const auto ask = [&live](int size) {
        auto one = live.connect();
        one.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" +
                 std::string(static_cast<std::size_t>(size), 'x'));
        return one.read_until("\r\n\r\n");
    };
    EXPECT_TRUE(eventually([&] { return ask(700).starts_with("HTTP/1.1 503 "); }));
    EXPECT_THAT(ask(700), HasSubstr("Retry-After: 1\r\n"));
    EXPECT_THAT(ask(100), StartsWith("HTTP/1.1 200 "));
    holder.close();
    EXPECT_TRUE(eventually([&] { return ask(700).starts_with("HTTP/1.1 200 "); }));
}

TEST(server_limits, slow_header_slow_body_and_idle_end) {
    server_options options;
    options.header_timeout = core::seconds{1};
    options.body_timeout = core::seconds{1};
    options.idle_timeout = core::seconds{1};
    live_server live(size_of_body, options);
    auto header = live.connect();
    auto body = live.connect();
    auto silent = live.connect();
    auto kept = live.connect();
    header.send("GET / HT");
    body.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf");
    kept.send(get);
    EXPECT_THAT(header.read_all(), StartsWith("HTTP/1.1 408 "));
    EXPECT_THAT(body.read_all(), StartsWith("HTTP/1.1 408 "));
    EXPECT_EQ(silent.read_all(), "");
    EXPECT_TRUE(silent.ended());
    EXPECT_TRUE(kept.read_all().ends_with("size 0"));
    EXPECT_TRUE(kept.ended());
}

TEST(server_limits, an_answer_may_take_longer_than_the_waits_for_a_request) {
    server_options options;
    options.header_timeout = core::seconds{1};
    options.body_timeout = core::seconds{1};
    options.idle_timeout = core::seconds{1};
    live_server live(
        [](const request&, response_writer& out) -> core::awaitable<void> {
            constexpr core::nanoseconds pause = std::chrono::milliseconds{1500};
            co_await core::sleep_for(pause);
            response whole;
            whole.body = "late";
            co_await out.send(std::move(whole));
        },
        options);
    auto client = live.connect();
    client.send(get);
    EXPECT_THAT(client.read_until("late"), HasSubstr("late"));
}

TEST(server_limits, a_thousand_idle_connections_cost_little) {
    live_server live(size_of_body);
    std::vector<raw_client> clients;
    clients.reserve(1000);
    {
        auto warm = live.connect();
        warm.send(get);
        warm.read_until("size 0");
    }
    ASSERT_TRUE(eventually([&] { return live.stats().connections == 0; }));
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    rlimit more = files;
    more.rlim_cur = std::min<rlim_t>(files.rlim_max, 8192);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &more), 0);
    const auto heap = [&live] { return live.on_loop([] { return ::mallinfo2().uordblks; }); };
    const std::size_t before = heap();
    for (int i = 0; i < 1000; ++i) {
        clients.push_back(live.connect());
        ASSERT_TRUE(clients.back().connected()) << i;
        if (i % 2 == 0) {  // half of them after a request, half silent from the start
            ASSERT_TRUE(clients.back().send(get));
            clients.back().read_until("size 0");
            clients.back().forget();
        }
    }
    ASSERT_TRUE(eventually([&] { return live.stats().connections == 1000; }));
    const std::size_t each = (heap() - before) / 1000;
    RecordProperty("bytes_per_idle_connection", static_cast<int>(each));
    EXPECT_LT(each, 8U * 1024);
    EXPECT_EQ(clients.size(), 1000U);
    for (auto& one : clients) {
        one.send(get);
    }
    for (auto& one : clients) {
        ASSERT_THAT(one.read_until("size 0"), HasSubstr("size 0"));
    }
    clients.clear();
    EXPECT_TRUE(eventually([&] { return live.stats().connections == 0; }));
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);
}

TEST(server_limits, more_connections_than_allowed_wait_their_turn) {
    server_options options;
    options.max_connections = 2;
    live_server live(size_of_body, options);
    auto first = live.connect();
    auto second = live.connect();
    ASSERT_TRUE(eventually([&] { return live.stats().connections == 2; }));
    auto third = live.connect();
    ASSERT_TRUE(third.connected());
    third.send(get);
    EXPECT_EQ(third.read_until("size", std::chrono::milliseconds{100}), "");
    EXPECT_EQ(live.stats().connections, 2U);
    first.close();
    EXPECT_THAT(third.read_until("size 0"), HasSubstr("size 0"));
}

TEST(server_limits, at_the_descriptor_limit_accepting_pauses_and_goes_on) {
    live_server live(size_of_body);
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    const int next = ::dup(0);
    ASSERT_GE(next, 0);
    ::close(next);
    rlimit tight = files;
    tight.rlim_cur = static_cast<rlim_t>(next) + 1;  // one more descriptor: the client's
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
    auto client = live.connect();
    EXPECT_TRUE(client.connected());
    client.send(get);
    const double before = cpu_seconds();
    EXPECT_EQ(client.read_until("size", std::chrono::milliseconds{400}), "");
    EXPECT_LT(cpu_seconds() - before, 0.2);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);
    EXPECT_THAT(client.read_until("size 0"), HasSubstr("size 0"));
}

TEST(server_stop, idle_ones_go_at_once_and_running_ones_after_their_answer) {
    live_server live(size_of_body);
    auto idle = live.connect();
    auto busy = live.connect();
    idle.send(get);
    idle.read_until("size 0");
    busy.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return live.stats().exchanges == 1; }));
    live.stop_accepting();
    EXPECT_TRUE((idle.read_all(), idle.ended()));
    EXPECT_TRUE(live.drained(patience));
    const std::string& got = busy.read_all();
    EXPECT_THAT(got, HasSubstr("Connection: close\r\n"));
    EXPECT_THAT(got, HasSubstr("size 0"));
    EXPECT_FALSE(live.connect().connected());
}

TEST(server_stop, wait_gives_up_at_its_deadline) {
    live_server live([](const request&, response_writer&) -> core::awaitable<void> {
        constexpr core::nanoseconds pause = std::chrono::seconds{60};
        co_await core::sleep_for(pause);
    });
    auto client = live.connect();
    client.send(get);
    ASSERT_TRUE(eventually([&] { return live.stats().exchanges == 1; }));
    live.stop_accepting();
    EXPECT_FALSE(live.drained(std::chrono::milliseconds{50}));
    live.close_all();
    EXPECT_TRUE(live.drained(patience));
    EXPECT_EQ(live.stats().connections, 0U);
}

}  // namespace
}  // namespace corral::http::test
