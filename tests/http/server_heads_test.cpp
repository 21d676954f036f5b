// Long heads: as far as Go takes them, and paid for.

#include <malloc.h>

#include <algorithm>

#include <gmock/gmock.h>

#include "corral/http/server.hpp"
#include "live_server.hpp"

namespace corral::http::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

core::awaitable<void> size_of_cookie(const request& incoming, response_writer& out) {
    response whole;
    whole.body = "cookie " + std::to_string(incoming.headers.find("Cookie").size()) + " body " +
                 std::to_string(incoming.body.size());
    co_await out.send(std::move(whole));
}

server_options with_long_heads() {
    server_options out;
    out.max_header_bytes = 1024UL * 1024 + 4096;
    return out;
}

std::string head_with_cookie(std::size_t bytes, std::string_view more = {}) {
    return "POST / HTTP/1.1\r\nHost: h\r\nCookie: " + std::string(bytes, 'c') + "\r\n" + std::string(more) +
           "\r\n";
}

TEST(server_heads, many_small_header_fields_are_431) {
    live_server live(size_of_cookie);
    auto client = live.connect();
    std::string head = "GET / HTTP/1.1\r\nHost: h\r\n";
    for (int i = 0; i < 2050; ++i) {
        head += "a:\r\n";
    }
    client.send(head + "\r\n");
    EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 431 "));
}

// As Go's server takes it; the connection goes on, with a body and without.
TEST(server_heads, a_cookie_of_900_kib_is_answered) {
    live_server live(size_of_cookie, with_long_heads());
    auto client = live.connect();
    constexpr std::size_t bytes = 900UL * 1024;
    for (int i = 0; i < 3; ++i) {
        client.forget();
        ASSERT_TRUE(
            client.send(head_with_cookie(bytes, "Content-Length: 200000\r\n") + std::string(200'000, 'b')));
        EXPECT_THAT(client.read_until("body"), HasSubstr("cookie 921600 body 200000"));
        client.forget();
        ASSERT_TRUE(client.send(head_with_cookie(10)));
        EXPECT_THAT(client.read_until("body"), HasSubstr("cookie 10 body 0"));
    }
    auto longer = live.connect();
    longer.send(head_with_cookie(1100UL * 1024));
    EXPECT_THAT(longer.read_all(), StartsWith("HTTP/1.1 431 "));
}

// 64 connections of one address hold its share and no more; another address is served at once.
TEST(server_heads, long_heads_that_never_end_are_bounded_and_leave_room_for_others) {
    server_options options = with_long_heads();
    options.max_buffered_body_bytes = 16UL * 1024 * 1024;
    live_server live(size_of_cookie, options);
    const auto heap = [&live] {
        return live.on_loop([] { return ::mallinfo2().uordblks + ::mallinfo2().hblkhd; });
    };
    const std::size_t before = heap();
    std::vector<raw_client> greedy;
    const std::string head = head_with_cookie(1000UL * 1024);
    for (int i = 0; i < 64; ++i) {
        greedy.push_back(live.connect());
        greedy.back().send(std::string_view(head).substr(0, head.size() - 2));
    }
    const auto is_refused = [](raw_client& each) {
        return each.read_until("}", std::chrono::milliseconds{20}).starts_with("HTTP/1.1 503 ");
    };
    EXPECT_TRUE(eventually([&] { return std::ranges::count_if(greedy, is_refused) >= 50; }));
    EXPECT_LT(heap() - before, 24UL * 1024 * 1024);
    raw_client polite(live.port(), 0, "127.0.0.1", "127.0.0.2");
    ASSERT_TRUE(polite.send(head));
    EXPECT_THAT(polite.read_until("body"), HasSubstr("cookie 1024000 body 0"));
    for (raw_client& each : greedy) {
        each.close();
    }
    constexpr std::size_t of_test = 4UL * 1024 * 1024;
    EXPECT_TRUE(eventually([&] { return heap() < before + of_test; })) << heap() - before;
}

TEST(server_heads, a_long_head_that_drips_loses_its_place) {
    server_options options = with_long_heads();
    options.header_timeout = core::seconds{1};
    live_server live(size_of_cookie, options);
    auto client = live.connect();
    const std::string head = head_with_cookie(200UL * 1024);
    client.send(std::string_view(head).substr(0, 70UL * 1024));
    EXPECT_THAT(client.read_all(std::chrono::seconds{25}), StartsWith("HTTP/1.1 408 "));
}

}  // namespace
}  // namespace corral::http::test
