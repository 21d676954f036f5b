// The end of a server: what it waits for, and how long.

#include <gmock/gmock.h>

#include "corral/http/server.hpp"
#include "live_server.hpp"

namespace corral::http::test {
namespace {

using ::testing::HasSubstr;

core::awaitable<void> slowly(const request& incoming, response_writer& out) {
    if (incoming.path == "/slow") {
        constexpr core::nanoseconds pause = std::chrono::milliseconds{300};
        co_await core::sleep_for(pause);
    }
    response whole;
    whole.body = "served";
    co_await out.send(std::move(whole));
}

const std::string small_request = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

TEST(server_stop, idle_ones_go_at_once_and_running_ones_after_their_answer) {
    live_server live(slowly);
    auto idle = live.connect();
    auto busy = live.connect();
    idle.send(small_request);
    idle.read_until("served");
    busy.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return live.stats().exchanges == 1; }));
    live.stop_accepting();
    EXPECT_TRUE((idle.read_all(), idle.ended()));
    EXPECT_TRUE(live.drained(patience));
    const std::string& got = busy.read_all();
    EXPECT_THAT(got, HasSubstr("Connection: close\r\n"));
    EXPECT_THAT(got, HasSubstr("served"));
    EXPECT_FALSE(live.connect().connected());
}

TEST(server_stop, wait_gives_up_at_its_deadline) {
    live_server live([](const request&, response_writer&) -> core::awaitable<void> {
        constexpr core::nanoseconds pause = std::chrono::seconds{60};
        co_await core::sleep_for(pause);
    });
    auto client = live.connect();
    client.send(small_request);
    ASSERT_TRUE(eventually([&] { return live.stats().exchanges == 1; }));
    live.stop_accepting();
    EXPECT_FALSE(live.drained(std::chrono::milliseconds{50}));
    live.close_all();
    EXPECT_TRUE(live.drained(patience));
    EXPECT_EQ(live.stats().connections, 0U);
}

}  // namespace
}  // namespace corral::http::test
