#include "corral/http/reply_stream.hpp"

#include <functional>

#include <gmock/gmock.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include "scripted_server.hpp"

namespace corral::http::test {
namespace {

struct streamed {
    core::error_code error;  // of what ended it
    unsigned status = 0;
    std::string type;
    std::string body;
    std::string timing;     // of the head
    std::string trailer;    // the same field behind the body
    std::size_t reads = 0;  // that brought something
};

core::awaitable<streamed> take_all(core::asio::ip::tcp::endpoint from, std::chrono::milliseconds span,
                                   std::function<void()> before_reads = {}) {
    streamed out;
    stream_call what;
    what.to = from;
    what.body = "{}";
    what.until = core::deadline::after(span, std::chrono::steady_clock::now());
    core::result<std::unique_ptr<reply_stream>> opened = co_await reply_stream::open(std::move(what));
    if (!opened) {
        out.error = opened.error().code;
        co_return out;
    }
    reply_stream& answer = **opened;
    out.status = answer.status();
    out.type = answer.headers().find("content-type");
    out.timing = answer.headers().find("server-timing");
    if (before_reads) {
        before_reads();
    }
    while (true) {
        const core::deadline until = core::deadline::after(span, std::chrono::steady_clock::now());
        core::result<std::string> piece = co_await answer.read(until);
        if (!piece || piece->empty()) {
            out.error = piece ? core::error_code{} : piece.error().code;
            out.trailer = answer.trailer("Server-Timing");
            co_return out;
        }
        out.body += *piece;
        ++out.reads;
    }
}

streamed streamed_from(const scripted_server& server,
                       std::chrono::milliseconds span = std::chrono::seconds{10},
                       core::asio::cancellation_signal* cancel = nullptr) {
    core::asio::io_context loop;
    streamed out;
    const auto done = [&](std::exception_ptr thrown, streamed got) {
        EXPECT_FALSE(thrown);
        out = std::move(got);
    };
    core::asio::steady_timer timer(loop);
    if (cancel != nullptr) {
        core::asio::co_spawn(loop, take_all(server.at(), span),
                             core::asio::bind_cancellation_slot(cancel->slot(), done));
        timer.expires_after(std::chrono::milliseconds{20});
        timer.async_wait(
            [cancel](core::error_code) { cancel->emit(core::asio::cancellation_type::terminal); });
    } else {
        core::asio::co_spawn(loop, take_all(server.at(), span), done);
    }
    loop.run_for(std::chrono::seconds{20});
    return out;
}

TEST(reply_stream, a_field_behind_the_body_is_told_from_that_of_the_head) {
    const std::string head =
        "HTTP/1.1 200 OK\r\nServer-Timing: queue;dur=1\r\nTrailer: Server-Timing\r\n"
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n";
    const scripted_server tells(
        {.answer = head + "server-timing: queue;dur=1, decode;dur=9\r\nOther: x\r\n\r\n"});
    const streamed got = streamed_from(tells);
    EXPECT_EQ(got.body, "abc");
    EXPECT_EQ(got.timing, "queue;dur=1");
    EXPECT_EQ(got.trailer, "queue;dur=1, decode;dur=9");
    const scripted_server silent({.answer = head + "\r\n"});
    EXPECT_EQ(streamed_from(silent).trailer, "") << "that of the head is none";
}

constexpr std::size_t flood_length = 128UL * 1024;

scripted_server::script buffered_flood() {
    return {.answer = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(flood_length) + "\r\n\r\n" +
                      std::string(flood_length, 'x'),
            .send_buffer = 200 * 1024};
}

// Others have a turn behind each read, however much of the answer is there already.
TEST(reply_stream, a_server_that_floods_leaves_the_loop_to_others) {
    scripted_server vendor(buffered_flood());
    core::asio::io_context loop;
    streamed got;
    bool done = false;
    std::size_t turns = 0;
    std::function<void()> other = [&] {
        ++turns;
        if (!done) {
            core::asio::post(loop, other);
        }
    };
    const auto all_there = [&] {
        eventually([&] { return vendor.has_answered(); });
        turns = 0;
    };
    core::asio::co_spawn(loop, take_all(vendor.at(), std::chrono::seconds{20}, all_there),
                         [&](const std::exception_ptr& thrown, streamed all) {
                             EXPECT_FALSE(thrown);
                             got = std::move(all);
                             done = true;
                         });
    core::asio::post(loop, other);
    loop.run_for(std::chrono::seconds{20});
    EXPECT_EQ(got.body.size(), flood_length);
    EXPECT_GE(got.reads, 4U);
    EXPECT_GE(turns + 1, got.reads);
}

// Of reads that have no time.
core::awaitable<core::error_code> late_reads_of(const scripted_server& vendor) {
    stream_call what;
    what.to = vendor.at();
    what.until = core::deadline::after(std::chrono::seconds{20}, std::chrono::steady_clock::now());
    core::result<std::unique_ptr<reply_stream>> opened = co_await reply_stream::open(std::move(what));
    if (!opened) {
        co_return opened.error().code;
    }
    eventually([&] { return vendor.has_answered(); });
    const core::deadline until{std::chrono::steady_clock::now()};
    while (true) {
        const core::result<std::string> piece = co_await (*opened)->read(until);
        if (!piece || piece->empty()) {
            co_return piece ? core::error_code{} : piece.error().code;
        }
    }
}

// As long as more is there, nothing waits; the deadline counts all the same.
TEST(reply_stream, a_server_that_floods_does_not_outlast_the_deadline) {
    scripted_server vendor(buffered_flood());
    core::asio::io_context loop;
    core::error_code why;
    core::asio::co_spawn(loop, late_reads_of(vendor), [&](const std::exception_ptr& thrown, auto got) {
        EXPECT_FALSE(thrown);
        why = got;
    });
    loop.run_for(std::chrono::seconds{20});
    EXPECT_EQ(why, core::make_error_code(core::errc::timed_out));
}

TEST(reply_stream, takes_every_framing_in_any_pieces) {
    for (const char* const bytes :
         {"HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nContent-Length: 3\r\n\r\nabc",
          "HTTP/1.1 200 OK\r\nContent-Type: text/x\r\n\r\nabc",
          "HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nTransfer-Encoding: chunked\r\n\r\n"
          "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
          "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/x\r\n\r\nabc"}) {
        for (const std::size_t piece : {0U, 1U, 7U}) {
            scripted_server vendor({bytes, piece});
            const streamed got = streamed_from(vendor);
            EXPECT_EQ(got.error, core::error_code{}) << bytes << got.error.message();
            EXPECT_EQ(got.status, 200U);
            EXPECT_EQ(got.type, "text/x");
            EXPECT_EQ(got.body, "abc") << bytes;
        }
    }
}

TEST(reply_stream, what_came_is_given_before_the_rest_is_there) {
    scripted_server vendor(
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n", 0, true, false});
    const streamed got = streamed_from(vendor, std::chrono::milliseconds{200});
    EXPECT_EQ(got.body, "first");
    EXPECT_EQ(got.error, core::make_error_code(core::errc::timed_out));
}

TEST(reply_stream, garbage_and_cut_answers_are_protocol_errors) {
    for (const char* const bytes :
         {"", "garbage\r\n\r\n", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzzzzzz\r\n"}) {
        scripted_server vendor({bytes});
        EXPECT_EQ(streamed_from(vendor).error, core::make_error_code(core::errc::protocol)) << bytes;
    }
}

TEST(reply_stream, a_head_without_end_meets_its_bound) {
    std::string bomb = "HTTP/1.1 200 OK\r\n";
    for (int i = 0; i < 10000; ++i) {
        bomb += "X-Bomb: 0123456789\r\n";
    }
    scripted_server vendor({bomb, 1000});
    EXPECT_EQ(streamed_from(vendor).error, core::make_error_code(core::errc::limit_exceeded));
}

TEST(reply_stream, a_port_of_https_is_known_by_its_sentence) {
    EXPECT_TRUE(wants_https(400, "Client sent an HTTP request to an HTTPS server.\n"));
    EXPECT_FALSE(wants_https(400, "{\"error\":\"no such field\"}"));
    EXPECT_FALSE(wants_https(200, "Client sent an HTTP request to an HTTPS server.\n"));
    EXPECT_FALSE(wants_https(400, ""));
}

TEST(reply_stream, a_read_can_be_cancelled) {
    scripted_server vendor({"HTTP/1.1 200 OK\r\n\r\nendless", 0, true, false});
    core::asio::cancellation_signal cancel;
    const streamed got = streamed_from(vendor, std::chrono::seconds{10}, &cancel);
    EXPECT_EQ(got.error, core::make_error_code(core::errc::cancelled));
}

}  // namespace
}  // namespace corral::http::test
