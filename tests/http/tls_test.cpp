// The server with TLS keeps what it promises without it, and what comes in before a handshake is bounded.

#include <atomic>

#include <gmock/gmock.h>

#include "catalog/temporary_folder.hpp"
#include "corral/core/wake_signal.hpp"
#include "live_server.hpp"
#include "test_certificate.hpp"
#include "tls_client.hpp"

namespace corral::http::test {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::string get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

tls_credentials credentials(const std::string& name) {
    const tests::temporary_folder folder;
    const auto made = make_certificate(name);
    const tls_files files{folder.write("cert.pem", made.certificate), folder.write("key.pem", made.key)};
    return tls_credentials::load(files).value();
}

const tls_credentials& box_lan() {
    static const tls_credentials made = credentials("box.lan");
    return made;
}

constexpr std::size_t large = 8 * 1024 * 1024;

core::awaitable<void> answer(const request& incoming, response_writer& out) {
    if (incoming.path == "/stream") {
        response_head head;
        co_await out.begin(std::move(head));
        for (int i = 0; i < 3; ++i) {
            std::string piece = "piece " + std::to_string(i) + ";";
            co_await out.write(std::move(piece));
        }
        co_await out.finish();
        co_return;
    }
    if (incoming.path == "/broken") {
        response_head head;
        co_await out.begin(std::move(head));
        std::string piece = "half";
        co_await out.write(std::move(piece));
        co_return;
    }
    response whole;
    whole.body = incoming.path == "/large" ? std::string(large, 'b')
                                           : incoming.path + " " + std::to_string(incoming.body.size());
    co_await out.send(std::move(whole));
}

TEST(tls, serves_one_request_after_another) {
    live_server live(answer, {}, box_lan());
    tls_client client(live.port());
    ASSERT_TRUE(client.secure());
    EXPECT_EQ(client.server_name(), "box.lan");
    EXPECT_EQ(client.protocol(), "http/1.1");
    client.send(get);
    EXPECT_THAT(client.read_until("/ 0"), HasSubstr("HTTP/1.1 200 OK"));
    client.send("GET /second HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(client.read_all(), EndsWith("/second 0"));
    EXPECT_TRUE(client.ended());
}

TEST(tls, takes_version_1_2_and_nothing_older_and_no_other_protocol) {
    live_server live(answer, {}, box_lan());
    const struct {
        tls_client_options how;
        bool secure;
    } table[] = {{{TLS1_2_VERSION}, true},
                 {{TLS1_1_VERSION}, false},
                 {{TLS1_3_VERSION, ""}, true},
                 {{TLS1_3_VERSION, "\x02h2"}, false},
                 {{TLS1_3_VERSION, "\x08http/1.0"}, true}};
    for (const auto& [how, secure] : table) {
        tls_client client(live.port(), how);
        EXPECT_EQ(client.secure(), secure) << how.most_version << how.protocols;
        if (secure) {
            client.send(get);
            EXPECT_THAT(client.read_until("/ 0"), HasSubstr("200 OK"));
        }
    }
    EXPECT_TRUE(live.log().empty());
}

TEST(tls, carries_large_bodies_both_ways_whatever_the_size_of_records) {
    live_server live(answer, {}, box_lan());
    for (const unsigned char fragments : {std::uint8_t{0}, std::uint8_t{TLSEXT_max_fragment_length_512}}) {
        tls_client client(live.port(), {TLS1_3_VERSION, {}, fragments});
        ASSERT_TRUE(client.secure());
        const std::string body(2'000'000, 'x');
        ASSERT_TRUE(client.send("POST /up HTTP/1.1\r\nHost: h\r\nContent-Length: 2000000\r\n\r\n"));
        ASSERT_TRUE(client.send(body));
        EXPECT_THAT(client.read_until("2000000"), HasSubstr("/up 2000000"));
        client.send("GET /large HTTP/1.0\r\n\r\n");
        EXPECT_THAT(client.read_all(), EndsWith(std::string(large, 'b')));
        EXPECT_TRUE(client.ended());
    }
}

// Its length is told by the end alone, which therefore must be a true one.
TEST(tls, ends_a_stream_of_http_1_0_by_close_notify_and_a_broken_one_without) {
    live_server live(answer, {}, box_lan());
    tls_client whole(live.port());
    whole.send("GET /stream HTTP/1.0\r\n\r\n");
    EXPECT_THAT(whole.read_all(), EndsWith("\r\n\r\npiece 0;piece 1;piece 2;"));
    EXPECT_TRUE(whole.ended());
    for (const char* version : {"1.0", "1.1"}) {
        tls_client broken(live.port());
        broken.send("GET /broken HTTP/" + std::string(version) + "\r\nHost: h\r\n\r\n");
        broken.read_all();
        EXPECT_FALSE(broken.ended());
        EXPECT_TRUE(broken.cut());
    }
}

TEST(tls, answers_pipelined_requests_of_a_client_that_then_said_its_end) {
    live_server live(answer, {}, box_lan());
    tls_client client(live.port());
    client.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
    client.say_end();
    EXPECT_THAT(client.read_all(), HasSubstr("/2 0"));
    EXPECT_TRUE(client.ended());
}

struct observed {
    std::atomic<int> begun{0};
    std::atomic<int> cancelled{0};
    std::atomic<int> ended{0};
};

// Streams a piece, then waits for a cancellation that only the client's going can bring.
handler waiting(observed& seen) {
    return [&seen](const request&, response_writer& out) -> core::awaitable<void> {
        response_head head;
        co_await out.begin(std::move(head));
        std::string piece = "first";
        co_await out.write(std::move(piece));
        ++seen.begun;
        co_await core::asio::this_coro::throw_if_cancelled(false);
        constexpr core::nanoseconds long_enough = std::chrono::seconds{60};
        const bool slept = co_await core::sleep_for(long_enough);
        seen.cancelled += slept ? 0 : 1;
        ++seen.ended;
    };
}

TEST(tls, notices_a_client_that_goes_in_any_way) {
    const std::pair<const char*, std::function<void(tls_client&)>> ways[] = {
        {"close_notify", [](tls_client& client) { client.say_end(); }},
        {"end without it", [](tls_client& client) { client.raw().half_close(); }},
        {"reset", [](tls_client& client) { client.raw().reset(); }},
        {"garbage instead of a record", [](tls_client& client) { client.raw().send("garbage, no record"); }},
        {"request and close_notify",
         [](tls_client& client) {
             client.send(get);
             client.say_end();
         }},
    };
    for (const auto& [name, go] : ways) {
        observed seen;
        live_server live(waiting(seen), {}, box_lan());
        tls_client client(live.port());
        client.send(get);
        ASSERT_THAT(client.read_until("first"), HasSubstr("first"));
        ASSERT_TRUE(eventually([&] { return seen.begun == 1; }));
        go(client);
        EXPECT_TRUE(eventually([&] { return seen.ended == 1; })) << name;
        EXPECT_EQ(seen.cancelled, 1) << name;
        EXPECT_TRUE(eventually([&] { return live.stats().connections == 0; })) << name;
        EXPECT_TRUE(live.log().empty()) << name;
    }
}

TEST(tls, gives_up_a_stalled_reader_and_delays_nobody_for_it) {
    std::atomic<int> gone{0};
    server_options options;
    options.write_stall = core::seconds{1};
    live_server live(
        [&gone](const request& incoming, response_writer& out) -> core::awaitable<void> {
            if (incoming.path != "/flood") {
                co_await answer(incoming, out);
                co_return;
            }
            co_await core::asio::this_coro::throw_if_cancelled(false);
            response_head head;
            co_await out.begin(std::move(head));
            core::error_code error;
            while (!error) {
                std::string piece(16 * 1024, 'a');
                error = co_await out.write(std::move(piece));
            }
            ++gone;
        },
        options, box_lan());
    tls_client_options small;
    small.receive_buffer = 4096;
    tls_client stalled(live.port(), small);
    stalled.send("GET /flood HTTP/1.1\r\nHost: h\r\n\r\n");
    tls_client other(live.port());
    other.send(get);
    EXPECT_THAT(other.read_until("/ 0"), HasSubstr("/ 0"));
    EXPECT_EQ(gone, 0);
    EXPECT_TRUE(eventually([&] { return gone == 1; }));
    EXPECT_TRUE(eventually([&] { return live.stats().exchanges == 0; }));
}

TEST(tls, pipelining_beyond_the_bound_costs_no_cpu) {
    observed seen;
    live_server live(waiting(seen), {}, box_lan());
    tls_client client(live.port());
    client.send(get);
    ASSERT_TRUE(eventually([&] { return seen.begun == 1; }));
    ASSERT_TRUE(client.send(std::string(128 * 1024, 'x')));
    const double before = cpu_seconds();
    std::this_thread::sleep_for(std::chrono::milliseconds{500});
    EXPECT_LT(cpu_seconds() - before, 0.2);
    EXPECT_EQ(seen.ended, 0);
}

TEST(tls_handshake, that_never_comes_or_is_garbage_ends_and_holds_nobody_up) {
    server_options options;
    options.handshake_timeout = core::seconds{1};
    live_server live(answer, options, box_lan());
    auto silent = live.connect();
    auto partial = live.connect();
    partial.send(std::string("\x16\x03\x01\x02\x00\x01", 6));
    auto garbage = live.connect();
    garbage.send("what is this, then?");
    tls_client other(live.port());
    other.send(get);
    EXPECT_THAT(other.read_until("/ 0"), HasSubstr("200 OK"));
    for (raw_client* each : {&silent, &partial, &garbage}) {
        each->read_all();
        EXPECT_TRUE(each->ended() || each->was_reset());
    }
    EXPECT_TRUE(eventually([&] { return live.stats().connections == 1; }));
    EXPECT_TRUE(live.log().empty());
}

TEST(tls_handshake, oldest_makes_room_where_too_many_are_unfinished) {
    server_options options;
    options.max_handshakes = 2;
    live_server live(answer, options, box_lan());
    auto first = live.connect();
    auto second = live.connect();
    ASSERT_TRUE(eventually([&] { return live.stats().connections == 2; }));
    tls_client third(live.port());
    ASSERT_TRUE(third.secure());
    first.read_all(std::chrono::seconds{5});
    EXPECT_TRUE(first.ended());
    second.read_all(std::chrono::milliseconds{50});
    EXPECT_FALSE(second.ended());
}

// What a client says first.
std::string client_hello() {
    const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()),
                                                                    &SSL_CTX_free);
    const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context.get()), &SSL_free);
    BIO* const out = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), out);
    SSL_connect(ssl.get());
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(out, &bytes);
    return {bytes, static_cast<std::size_t>(size)};
}

TEST(tls_handshake, first_steps_of_a_crowd_leave_the_loop_most_of_its_time) {
    constexpr int crowd_size = 300;
    server_options options;
    options.max_handshakes = 1000;
    options.handshake_timeout = core::seconds{60};  // a busy machine needs up to 30 ms for each
    live_server live(answer, options, box_lan());
    const std::string hello = client_hello();
    std::vector<raw_client> crowd;
    live.on_loop([&] {  // all of it is there before the first is accepted
        for (int i = 0; i < crowd_size; ++i) {
            crowd.push_back(live.connect());
            crowd.back().send(hello);
        }
    });
    const double cpu_before = cpu_seconds();
    const auto begin = std::chrono::steady_clock::now();
    for (raw_client& each : crowd) {
        EXPECT_NE(each.read_until("\x16", std::chrono::seconds{60}), "");
    }
    const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    EXPECT_LT(cpu_seconds() - cpu_before, wall * 0.7);
}

TEST(tls_handshake, of_too_many_from_one_address_the_newcomer_goes_once_all_talk) {
    server_options options;
    options.max_handshakes = 2;
    live_server live(answer, options, box_lan());
    auto silent = live.connect();
    ASSERT_TRUE(eventually([&] { return live.stats().connections == 1; }));
    for (int i = 0; i < 20; ++i) {
        tls_client each(live.port());
        EXPECT_TRUE(each.secure()) << i;
    }
}

TEST(tls_handshake, by_plain_http_gets_a_plain_answer) {
    live_server live(answer, {}, box_lan());
    for (const char* method : {"GET", "POST", "HEAD"}) {
        auto client = live.connect();
        client.send(std::string(method) + " /api/tags HTTP/1.1\r\nHost: h\r\n\r\n" +
                    std::string(100'000, 'x'));
        EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.0 400 Bad Request\r\n"));
        EXPECT_EQ(body_of(client.read_all()), "Client sent an HTTP request to an HTTPS server.\n");
        EXPECT_TRUE(client.ended());
    }
}

TEST(tls_handshake, under_way_is_ended_by_a_shutdown) {
    live_server live(answer, {}, box_lan());
    auto silent = live.connect();
    ASSERT_TRUE(eventually([&] { return live.stats().connections == 1; }));
    live.stop_accepting();
    EXPECT_TRUE(live.drained(patience));
}

TEST(tls_reload, shows_new_clients_the_new_certificate_and_leaves_the_others_alone) {
    live_server live(answer, {}, box_lan());
    tls_client old(live.port());
    old.send(get);
    ASSERT_THAT(old.read_until("/ 0"), HasSubstr("200 OK"));
    live.use_tls(credentials("new.lan"));
    tls_client fresh(live.port());
    EXPECT_EQ(fresh.server_name(), "new.lan");
    old.send("GET /still HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_THAT(old.read_until("/still 0"), HasSubstr("/still 0"));
}

}  // namespace
}  // namespace corral::http::test
