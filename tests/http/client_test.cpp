#include "corral/http/client.hpp"

#include <gmock/gmock.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>

#include "live_server.hpp"
#include "scripted_server.hpp"

namespace corral::http::test {
namespace {

using ::testing::HasSubstr;

core::deadline in(core::nanoseconds span) {
    return core::deadline::after(span, std::chrono::steady_clock::now());
}

core::result<client_reply> run(client_call what, core::asio::cancellation_signal* cancel = nullptr,
                               std::chrono::milliseconds cancel_after = {}) {
    core::asio::io_context loop;
    std::optional<core::result<client_reply>> out;
    std::exception_ptr thrown;
    const auto done = [&](std::exception_ptr error, core::result<client_reply> reply) {
        thrown = error;
        out = std::move(reply);
    };
    core::asio::steady_timer timer(loop);
    if (cancel != nullptr) {
        core::asio::co_spawn(loop, call(std::move(what)),
                             core::asio::bind_cancellation_slot(cancel->slot(), done));
        timer.expires_after(cancel_after);
        timer.async_wait(
            [cancel](core::error_code) { cancel->emit(core::asio::cancellation_type::terminal); });
    } else {
        core::asio::co_spawn(loop, call(std::move(what)), done);
    }
    loop.run_for(patience);
    if (thrown) {
        std::rethrow_exception(thrown);
    }
    return std::move(out).value();
}

client_call get(const scripted_server& from, core::nanoseconds span = patience) {
    client_call what;
    what.to = from.at();
    what.until = in(span);
    return what;
}

core::error_code code_of(const core::result<client_reply>& got) {
    return got ? core::error_code{} : got.error().code;
}

TEST(client, does_not_believe_an_answer_at_the_port_of_a_program_that_has_ended) {
    scripted_server other({"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"});
    client_call what = get(other);
    what.gone = [] { return true; };
    EXPECT_EQ(code_of(run(std::move(what))), boost::system::errc::connection_reset);
}

TEST(client, says_one_request_on_one_connection) {
    scripted_server vendor(
        {"HTTP/1.1 200 OK\r\nContent-Length: 27\r\nContent-Type: application/json\r\n"
         "Keep-Alive: timeout=5, max=5\r\n\r\n{\"done\":true,\"response\":\"\"}",
         0, true, false});
    client_call what = get(vendor);
    what.method = "POST";
    what.target = "/api/generate";
    what.content_type = "application/json";
    what.body = "{}";
    const auto got = run(what);
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(got->status, 200U);
    EXPECT_EQ(got->body, "{\"done\":true,\"response\":\"\"}");
    const std::string port = std::to_string(vendor.at().port());
    EXPECT_EQ(vendor.request(), "POST /api/generate HTTP/1.1\r\nHost: 127.0.0.1:" + port +
                                    "\r\nConnection: close\r\nContent-Type: application/json\r\n"
                                    "Content-Length: 2\r\n\r\n{}");
}

TEST(client, takes_every_shape_of_answer_in_any_pieces) {
    struct row {
        const char* bytes;
        unsigned status;
        const char* body;
    };
    const row rows[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", 200, "abc"},
        {"HTTP/1.1 200 OK\r\n\r\nno length", 200, "no length"},
        {"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nold", 200, "old"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", 200, "abc"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, ""},
        {"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 404, ""},
        {"HTTP/1.1 204 No Content\r\n\r\n", 204, ""},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, "x"},
        {"HTTP/1.1 500 Internal Server Error\r\nEXCEPTION_WHAT: [json.exception.type_error.302] x\r\n"
         "Content-Length: 0\r\n\r\n",
         500, ""},
    };
    for (const row& one : rows) {
        for (const std::size_t piece : {0U, 1U, 7U}) {
            scripted_server vendor({one.bytes, piece});
            const auto got = run(get(vendor));
            ASSERT_TRUE(got) << got.error().message << "\n" << one.bytes;
            EXPECT_EQ(got->status, one.status);
            EXPECT_EQ(got->body, one.body);
        }
    }
}

TEST(client, garbage_and_cut_answers_are_protocol_errors) {
    for (const char* bytes :
         {"", "garbage\r\n\r\n", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzzzzzz\r\n", "HTTP/9.9 200 OK\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n"}) {
        scripted_server vendor({bytes});
        const auto got = run(get(vendor));
        EXPECT_EQ(code_of(got), core::make_error_code(core::errc::protocol)) << bytes;
        EXPECT_THAT(got.error().message, HasSubstr("GET / at 127.0.0.1:"));
    }
}

TEST(client, an_answer_before_the_body_was_read_still_counts) {
    scripted_server vendor(
        {"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno", 0, true, false});
    client_call what = get(vendor);
    what.method = "POST";
    what.body.assign(64 * 1024, 'x');
    const auto got = run(what);
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(got->status, 413U);
}

TEST(client, a_reset_is_a_failure) {
    scripted_server vendor({"", 0, false, true, true});
    const auto code = code_of(run(get(vendor)));
    EXPECT_TRUE(code == boost::system::errc::connection_reset ||
                code == core::make_error_code(core::errc::protocol))
        << code.message();
}

TEST(client, a_server_that_never_answers_meets_the_deadline) {
    for (const char* bytes :
         {"", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "HTTP/1.1 200 OK\r\n\r\nendless"}) {
        scripted_server vendor({bytes, 0, true, false});
        const auto begin = std::chrono::steady_clock::now();
        const auto got = run(get(vendor, std::chrono::milliseconds{150}));
        EXPECT_EQ(code_of(got), core::make_error_code(core::errc::timed_out)) << bytes;
        EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds{5});
    }
}

TEST(client, a_passed_deadline_calls_nobody) {
    scripted_server vendor({"HTTP/1.1 200 OK\r\n\r\n"});
    client_call what = get(vendor);
    what.until = core::deadline(std::chrono::steady_clock::now());
    EXPECT_EQ(code_of(run(what)), core::make_error_code(core::errc::timed_out));
}

TEST(client, a_long_answer_meets_its_bound) {
    const std::string body(5000, 'x');
    for (const std::string& head : {std::string("Content-Length: 5000\r\n"), std::string()}) {
        scripted_server vendor({"HTTP/1.1 200 OK\r\n" + head + "\r\n" + body});
        client_call what = get(vendor);
        what.max_reply_bytes = 4999;
        EXPECT_EQ(code_of(run(what)), core::make_error_code(core::errc::limit_exceeded)) << head;
        scripted_server again({"HTTP/1.1 200 OK\r\n" + head + "\r\n" + body});
        what = get(again);
        what.max_reply_bytes = 5000;
        EXPECT_EQ(code_of(run(what)), core::error_code{}) << head;
    }
    std::string bomb = "HTTP/1.1 200 OK\r\n";
    for (int i = 0; i < 10000; ++i) {
        bomb += "X-Bomb: 0123456789\r\n";
    }
    scripted_server vendor({bomb, 1000});
    EXPECT_EQ(code_of(run(get(vendor))), core::make_error_code(core::errc::limit_exceeded));
}

TEST(client, nobody_there_is_connection_refused) {
    core::asio::io_context loop;
    core::asio::ip::tcp::acceptor held(loop, {core::asio::ip::address_v4::loopback(), 0});
    client_call what;
    what.to = held.local_endpoint();
    what.until = in(patience);
    held.close();
    const auto got = run(what);
    EXPECT_EQ(code_of(got), boost::system::errc::connection_refused);
}

TEST(client, cancelled_at_any_moment) {
    for (const int after : {0, 1, 50}) {
        scripted_server vendor({"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", 0, true, false});
        core::asio::cancellation_signal cancel;
        const auto got = run(get(vendor), &cancel, std::chrono::milliseconds{after});
        EXPECT_EQ(code_of(got), core::make_error_code(core::errc::cancelled)) << after;
    }
}

TEST(client, a_large_body_goes_out_whole_and_no_descriptor_stays) {
    live_server live([](const request& incoming, response_writer& out) -> core::awaitable<void> {
        response whole;
        whole.body = std::to_string(incoming.body.size());
        co_await out.send(std::move(whole));
    });
    const auto next_handle = [] {
        const int handle = ::dup(0);
        ::close(handle);
        return handle;
    };
    const int before = next_handle();
    for (int i = 0; i < 20; ++i) {
        client_call what;
        what.to = {core::asio::ip::address_v4::loopback(), live.port()};
        what.method = "POST";
        what.body.assign(5'000'000, 'x');
        what.until = in(patience);
        const auto got = run(what);
        ASSERT_TRUE(got) << got.error().message;
        EXPECT_EQ(got->body, "5000000");
    }
    EXPECT_TRUE(eventually([&] { return live.stats().connections == 0; }));
    EXPECT_EQ(next_handle(), before);
}

}  // namespace
}  // namespace corral::http::test
