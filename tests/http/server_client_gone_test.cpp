// The client goes, stalls, or sends more than it should, while the handler runs.

#include <atomic>
#include <semaphore>
#include <vector>

#include <gmock/gmock.h>

#include "corral/core/wake_signal.hpp"
#include "corral/http/server.hpp"
#include "live_server.hpp"

namespace corral::http::test {
namespace {

using ::testing::HasSubstr;

struct observed {
    std::atomic<int> begun{0};
    std::atomic<int> cancelled{0};
    std::atomic<int> ended{0};
    std::atomic<int> same_error{0};
    std::atomic<std::size_t> written{0};
};

// Waits for a cancellation that only the client's going can bring; tells whether it came.
core::awaitable<void> wait_for_end(observed& seen) {
    ++seen.begun;
    co_await core::asio::this_coro::throw_if_cancelled(false);
    constexpr core::nanoseconds long_enough = std::chrono::seconds{60};
    const bool slept = co_await core::sleep_for(long_enough);
    if (!slept) {
        ++seen.cancelled;
    }
    ++seen.ended;
}

handler waiting(observed& seen) {
    return [&seen](const request& incoming, response_writer& out) -> core::awaitable<void> {
        if (incoming.path == "/begun") {
            response_head head;
            co_await out.begin(std::move(head));
            std::string piece = "first";
            co_await out.write(std::move(piece));
        }
        co_await wait_for_end(seen);
        std::string late = "late";
        const core::error_code first = co_await out.write(std::move(late));
        std::string later = "later";
        const core::error_code second = co_await out.write(std::move(later));
        if (first && first == second) {
            ++seen.same_error;
        }
    };
}

void expect_noticed(const char* path, const std::function<void(raw_client&)>& go) {
    observed seen;
    live_server live(waiting(seen));
    auto client = live.connect();
    client.send(std::string("GET ") + path + " HTTP/1.1\r\nHost: h\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return seen.begun == 1; }));
    go(client);
    EXPECT_TRUE(eventually([&] { return seen.ended == 1; }));
    EXPECT_EQ(seen.cancelled, 1);
    EXPECT_TRUE(eventually([&] { return live.stats().connections == 0; }));
    EXPECT_EQ(seen.same_error, 1);
    EXPECT_TRUE(live.log().empty());  // a client that goes is a normal end
}

TEST(client_gone, by_close) {
    for (const char* path : {"/", "/begun"}) {
        expect_noticed(path, [](raw_client& client) { client.close(); });
    }
}

TEST(client_gone, with_more_behind_its_request_than_is_read) {
    for (const std::size_t bytes : {70'000U, 4'000'000U}) {
        expect_noticed("/", [bytes](raw_client& client) {
            client.send_what_is_taken(std::string(bytes, 'G'));
            client.close();
        });
    }
}

TEST(client_gone, by_reset) {
    for (const char* path : {"/", "/begun"}) {
        expect_noticed(path, [](raw_client& client) { client.reset(); });
    }
}

TEST(client_gone, by_reset_before_its_turn_is_not_served) {
    constexpr int many = 16;
    constexpr int first = 4;  // by then the requests of all are read
    std::atomic<int> served{0};
    std::counting_semaphore<> may_go(0);
    live_server live([&](const request&, response_writer& out) -> core::awaitable<void> {
        ++served;
        may_go.acquire();
        response whole;
        co_await out.send(std::move(whole));
    });
    std::vector<raw_client> clients;
    for (int i = 0; i < many; ++i) {
        clients.push_back(live.connect());
    }
    EXPECT_TRUE(eventually([&] { return live.stats().connections == many; }));
    for (raw_client& one : clients) {
        one.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    }
    may_go.release(first - 1);
    EXPECT_TRUE(eventually([&] { return served == first; }));
    for (raw_client& one : clients) {
        one.reset();
    }
    may_go.release(many);
    EXPECT_TRUE(eventually([&] { return live.stats().connections == 0; }));
    EXPECT_LT(served, many / 2);
}

TEST(client_gone, by_half_close) {
    for (const char* path : {"/", "/begun"}) {
        expect_noticed(path, [](raw_client& client) { client.half_close(); });
    }
}

TEST(client_gone, with_pipelined_bytes_before_its_end) {
    expect_noticed("/", [](raw_client& client) {
        client.send("GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
        client.half_close();
    });
}

TEST(client_gone, by_close_all) {
    observed seen;
    live_server live(waiting(seen));
    auto client = live.connect();
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return seen.begun == 1; }));
    live.close_all();
    EXPECT_TRUE(live.drained(patience));
    EXPECT_EQ(seen.cancelled, 1);
}

TEST(client_gone, an_uncaught_cancellation_is_a_quiet_end) {
    std::atomic<int> begun{0};
    live_server live([&begun](const request&, response_writer&) -> core::awaitable<void> {
        ++begun;
        core::asio::steady_timer forever(co_await core::asio::this_coro::executor, core::steady_time::max());
        co_await forever.async_wait(core::asio::use_awaitable);
    });
    auto client = live.connect();
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return begun == 1; }));
    client.close();
    EXPECT_TRUE(eventually([&] { return live.stats().connections == 0; }));
    EXPECT_TRUE(live.log().empty());
}

TEST(client_gone, a_half_closed_client_still_gets_an_answer_that_is_ready) {
    live_server live([](const request& incoming, response_writer& out) -> core::awaitable<void> {
        response whole;
        whole.body = "answer to " + incoming.path;
        co_await out.send(std::move(whole));
    });
    auto client = live.connect();
    client.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
    client.half_close();
    const std::string& got = client.read_all();
    EXPECT_THAT(got, HasSubstr("answer to /1"));
    EXPECT_THAT(got, HasSubstr("answer to /2"));
    EXPECT_TRUE(client.ended());
}

TEST(client_gone, before_the_request_is_whole_starts_nothing) {
    observed seen;
    live_server live(waiting(seen));
    {
        auto client = live.connect();
        client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf");
        ASSERT_TRUE(eventually([&] { return live.stats().connections == 1; }));
    }
    EXPECT_TRUE(eventually([&] { return live.stats().connections == 0; }));
    EXPECT_EQ(seen.begun, 0);
}

// 116,128 wake-ups in 0.3 s is what the naive way costs (docs/facts/platform_traps.md#client-gone).
TEST(client_gone, pipelining_beyond_the_bound_costs_no_cpu) {
    observed seen;
    live_server live(waiting(seen));
    auto client = live.connect();
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return seen.begun == 1; }));
    // More than the inbox holds, less than what would block our own blocking send.
    ASSERT_TRUE(client.send(std::string(128 * 1024, 'x')));
    client.half_close();
    const double before = cpu_seconds();
    std::this_thread::sleep_for(std::chrono::milliseconds{500});
    EXPECT_LT(cpu_seconds() - before, 0.2);
    EXPECT_TRUE(eventually([&] { return seen.ended == 1; })) << "its end is seen all the same";
}

handler flooding(observed& seen) {
    return [&seen](const request& incoming, response_writer& out) -> core::awaitable<void> {
        if (incoming.path != "/flood") {
            response whole;
            whole.body = "quick";
            co_await out.send(std::move(whole));
            co_return;
        }
        co_await core::asio::this_coro::throw_if_cancelled(false);
        response_head head;
        co_await out.begin(std::move(head));
        ++seen.begun;
        core::error_code error;
        while (!error) {
            std::string piece(16 * 1024, 'a');
            error = co_await out.write(std::move(piece));
            seen.written += 16 * 1024;
        }
        std::string again = "again";
        const core::error_code second = co_await out.write(std::move(again));
        seen.same_error += second == error;
        ++seen.ended;
    };
}

TEST(stalled_reader, delays_nobody_and_is_given_up) {
    observed seen;
    server_options options;
    options.write_stall = core::seconds{1};
    live_server live(flooding(seen), options);
    auto stalled = live.connect(4096);
    stalled.send("GET /flood HTTP/1.1\r\nHost: h\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return seen.begun == 1; }));
    auto other = live.connect();
    other.send("GET /quick HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_THAT(other.read_until("quick"), HasSubstr("quick"));
    EXPECT_TRUE(eventually([&] { return seen.ended == 1; }));
    EXPECT_EQ(seen.same_error, 1);
    EXPECT_LT(seen.written, 64U * 1024 * 1024);
    EXPECT_TRUE(eventually([&] { return live.stats().exchanges == 0; }));
}

TEST(stalled_reader, a_slow_one_gets_all) {
    server_options options;
    options.write_stall = core::seconds{2};
    constexpr std::size_t size = 8 * 1024 * 1024;
    live_server live(
        [](const request&, response_writer& out) -> core::awaitable<void> {
            response whole;
            whole.body.assign(size, 'b');
            co_await out.send(std::move(whole));
        },
        options);
    auto client = live.connect();
    client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    std::this_thread::sleep_for(std::chrono::milliseconds{300});
    EXPECT_EQ(body_of(client.read_all()).size(), size);
    EXPECT_TRUE(client.ended());
}

TEST(stalled_reader, a_reader_as_fast_as_the_writer_does_not_own_the_loop) {
    observed seen;
    live_server live(flooding(seen));
    auto greedy = live.connect();
    greedy.send("GET /flood HTTP/1.1\r\nHost: h\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return seen.begun == 1; }));
    std::atomic<bool> stop{false};
    std::thread reader([&] {
        while (!stop) {
            greedy.read_until("never", std::chrono::milliseconds{20});
            greedy.forget();
        }
        greedy.close();
    });
    for (int i = 0; i < 20; ++i) {
        auto other = live.connect();
        other.send("GET /quick HTTP/1.1\r\nHost: h\r\n\r\n");
        EXPECT_THAT(other.read_until("quick"), HasSubstr("quick"));
    }
    stop = true;
    reader.join();
    EXPECT_TRUE(eventually([&] { return seen.ended == 1; }));
}

}  // namespace
}  // namespace corral::http::test
