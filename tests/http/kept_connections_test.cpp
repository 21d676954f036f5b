#include "corral/http/kept_connections.hpp"

#include <gmock/gmock.h>

#include <boost/asio/co_spawn.hpp>

#include "corral/http/client.hpp"
#include "corral/http/reply_stream.hpp"
#include "lasting_server.hpp"
#include "live_server.hpp"

namespace corral::http::test {
namespace {

constexpr core::seconds long_enough{20};

class kept_connections_test : public testing::Test {
protected:
    core::result<client_reply> call(const lasting_server& server,
                                    const std::shared_ptr<kept_connections>& with) {
        client_call what;
        what.to = server.at();
        what.until = core::deadline::after(long_enough, std::chrono::steady_clock::now());
        what.kept = with;
        core::result<client_reply> out =
            core::make_failure(core::errc::invalid, core::reason::unlisted("it did not end"));
        bool ended = false;
        core::asio::co_spawn(loop, http::call(std::move(what)),
                             [&](const std::exception_ptr& thrown, auto got) {
                                 EXPECT_FALSE(thrown);
                                 out = std::move(got);
                                 ended = true;
                             });
        loop.restart();
        while (!ended && loop.run_one_for(long_enough) > 0) {
        }
        return out;
    }

    core::asio::io_context loop;
    std::shared_ptr<kept_connections> kept = std::make_shared<kept_connections>(core::seconds{10}, 2);
};

TEST_F(kept_connections_test, calls_one_after_another_share_a_connection) {
    for (const char* answer : {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"}) {
        lasting_server server({.answer = answer});
        for (int i = 0; i < 5; ++i) {
            const auto got = call(server, kept);
            ASSERT_TRUE(got) << got.error().message;
            EXPECT_EQ(got->body, "ok");
        }
        EXPECT_EQ(server.connections(), 1) << answer;
        EXPECT_EQ(server.requests(), 5);
        kept->close();
    }
}

TEST_F(kept_connections_test, what_can_not_carry_another_call_is_closed) {
    for (const char* answer : {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
                               "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
                               "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more"}) {
        lasting_server server({.answer = answer});
        for (int i = 0; i < 3; ++i) {
            const auto got = call(server, kept);
            ASSERT_TRUE(got) << got.error().message;
        }
        EXPECT_EQ(server.connections(), 3) << answer;
        EXPECT_EQ(kept->idle(), 0U);
    }
}

TEST_F(kept_connections_test, one_that_the_server_has_closed_is_not_used) {
    lasting_server server({.most_requests = 1});
    for (int i = 0; i < 3; ++i) {
        const auto got = call(server, kept);
        ASSERT_TRUE(got) << got.error().message;
        eventually([&] { return server.open() == 0; });
    }
    EXPECT_EQ(server.requests(), 3);
}

// The server closes within microseconds of the next request, before or behind it. Whatever comes first, a request is
// answered, and once.
TEST_F(kept_connections_test, no_request_is_lost_or_run_twice_when_the_server_closes_meanwhile) {
    constexpr int calls = 1000;
    std::atomic<unsigned> turns{0};
    lasting_server server({.most_requests = 1, .before_close = [&turns] {
                               for (unsigned i = 0; i < (turns.load() * 37U) % 60'000U; ++i) {
                                   std::atomic_signal_fence(std::memory_order_seq_cst);
                               }
                           }});
    for (int i = 0; i < calls; ++i) {
        ++turns;
        const auto got = call(server, kept);
        ASSERT_TRUE(got) << got.error().message;
    }
    EXPECT_EQ(server.requests(), calls);
}

TEST_F(kept_connections_test, idle_ones_are_closed_after_their_time) {
    lasting_server server({});
    kept = std::make_shared<kept_connections>(core::milliseconds{1}, 2);
    ASSERT_TRUE(call(server, kept));
    loop.restart();
    loop.run_for(long_enough);  // ends when nothing is left to wait for
    EXPECT_EQ(kept->idle(), 0U);
    eventually([&] { return server.open() == 0; });
}

TEST_F(kept_connections_test, a_close_reaches_those_in_calls_at_their_end) {
    lasting_server server({});
    const auto in_call = kept->begin(server.at());
    EXPECT_EQ(in_call.line, nullptr);
    ASSERT_TRUE(call(server, kept));
    EXPECT_EQ(kept->idle(), 1U);
    kept->close();
    EXPECT_EQ(kept->idle(), 0U);
    kept->end(in_call.mark, nullptr);
    ASSERT_TRUE(call(server, kept));
    EXPECT_EQ(kept->idle(), 1U) << "the count of those in calls is that since the close";
    EXPECT_EQ(server.connections(), 2);
}

TEST_F(kept_connections_test, one_more_than_calls_at_a_time_are_kept_those_in_calls_counted) {
    lasting_server server({});
    const auto first = kept->begin(server.at());
    const auto second = kept->begin(server.at());
    const auto third = kept->begin(server.at());
    ASSERT_TRUE(call(server, kept));
    EXPECT_EQ(kept->idle(), 0U);
    kept->end(first.mark, nullptr);
    ASSERT_TRUE(call(server, kept));
    EXPECT_EQ(kept->idle(), 1U);
    kept->end(second.mark, nullptr);
    kept->end(third.mark, nullptr);
}

// A server may be slow with the last bytes of an answer's framing; the client has all and asks on.
TEST_F(kept_connections_test, calls_that_begin_before_the_last_one_has_ended_share_two) {
    lasting_server server({});
    kept = std::make_shared<kept_connections>(core::seconds{10}, 1);
    const auto overlapping = [](core::asio::ip::tcp::endpoint to,
                                std::shared_ptr<kept_connections> with) -> core::awaitable<int> {
        const core::deadline until = core::deadline::after(long_enough, std::chrono::steady_clock::now());
        std::unique_ptr<reply_stream> last;
        int answered = 0;
        for (int i = 0; i < 6; ++i) {
            stream_call what;
            what.to = to;
            what.until = until;
            what.kept = with;
            auto opened = co_await reply_stream::open(std::move(what));
            if (!opened) {
                break;
            }
            const core::result<std::string> text = co_await read_all(**opened, 100, until);
            answered += text && *text == "ok" ? 1 : 0;
            last = std::move(*opened);  // the one before ends now
        }
        co_return answered;
    };
    int answered = 0;
    core::asio::co_spawn(loop, overlapping(server.at(), kept),
                         [&](const std::exception_ptr& thrown, int count) {
                             EXPECT_FALSE(thrown);
                             answered = count;
                             kept->close();
                         });
    loop.run_for(long_enough);
    EXPECT_EQ(answered, 6);
    EXPECT_EQ(server.connections(), 2);
}

TEST_F(kept_connections_test, another_address_has_connections_of_its_own) {
    lasting_server before({});
    ASSERT_TRUE(call(before, kept));
    lasting_server after({});
    ASSERT_TRUE(call(after, kept));
    EXPECT_EQ(after.requests(), 1);
    eventually([&] { return before.open() == 0; });
}

// Head and body in two sends, without TCP_NODELAY: 40 ms each where the first waits for a delayed acknowledgement.
TEST_F(kept_connections_test, no_answer_waits_for_an_acknowledgement) {
    lasting_server server({.answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", .second_part = "ok"});
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < 40; ++i) {
        ASSERT_TRUE(call(server, kept));
    }
    EXPECT_EQ(server.connections(), 1);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds{40 * 20});
}

}  // namespace
}  // namespace corral::http::test
