// Bounds in size, number and time.

#include <malloc.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <memory>

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
const std::string post_three = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";

TEST(server_limits, header_bomb_is_431) {
    live_server live(size_of_body);
    auto client = live.connect();
    client.send("GET / HTTP/1.1\r\nHost: h\r\n");
    for (int i = 0; i < 2000 && client.send("X-Bomb: " + std::string(1000, 'x') + "\r\n"); ++i) {
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

// Turns of the loop, as others would have them.
struct turn_count : std::enable_shared_from_this<turn_count> {
    explicit turn_count(core::executor loop) : on(std::move(loop)) {}
    void begin() {
        core::asio::post(on, [self = shared_from_this()] {
            if (!self->over) {
                ++self->turns;
                self->begin();
            }
        });
    }
    core::executor on;
    int turns = 0;
    bool over = false;
};

TEST(server_limits, others_have_turns_within_a_large_answer_that_goes_at_once) {
    constexpr std::size_t size = 200'000;
    std::atomic<int> turns{0};
    live_server live([&turns](const request& incoming, response_writer& out) -> core::awaitable<void> {
        const int room = 2 * static_cast<int>(size);
        ::setsockopt(incoming.socket, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
        const core::executor loop = co_await core::asio::this_coro::executor;
        const auto others = std::make_shared<turn_count>(loop);
        others->begin();
        response whole;
        whole.body.assign(size, 'x');
        co_await out.send(std::move(whole));
        others->over = true;
        turns = others->turns;
    });
    auto client = live.connect();
    client.send(get);
    EXPECT_TRUE(eventually([&] { return turns >= 3; })) << turns;
}

TEST(server_limits, all_bodies_together_are_bounded) {
    server_options options;
    options.max_body_bytes = 1000;
    options.max_buffered_body_bytes = 1500;
    live_server live(size_of_body, options);
    auto holder = live.connect();
    holder.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n" + std::string(600, 'x'));
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

// Two keys: "greedy" and "polite"; everybody else is refused.
head_verdict judge_by_key(const request& head) {
    head_verdict out;
    out.owner = head.headers.find("x-api-key");
    if (out.owner.empty()) {
        out.refusal.emplace();
        out.refusal->status = 401;
        out.refusal->body = "no key";
    }
    return out;
}

std::string post_of(std::string_view key, std::size_t announced, std::string_view more = {}) {
    return "POST / HTTP/1.1\r\nHost: h\r\n" + (key.empty() ? "" : "x-api-key: " + std::string(key) + "\r\n") +
           std::string(more) + "Content-Length: " + std::to_string(announced) + "\r\n\r\n";
}

TEST(server_limits, without_a_key_no_byte_of_a_body_is_asked_for_or_kept) {
    live_server live(size_of_body);
    live.judge_with(judge_by_key);
    auto asking = live.connect();
    asking.send(post_of("", 1'000'000, "Expect: 100-continue\r\n"));
    EXPECT_THAT(asking.read_all(), StartsWith("HTTP/1.1 401 "));
    EXPECT_TRUE(asking.ended());
    auto drips = live.connect();
    drips.send(post_of("", 16 * 1024 * 1024) + "a");
    EXPECT_THAT(drips.read_until("no key"), StartsWith("HTTP/1.1 401 "));
    auto sends_all_first = live.connect();
    sends_all_first.send(post_of("", 8'000'000));
    EXPECT_TRUE(sends_all_first.send(std::string(8'000'000, 'x')));
    EXPECT_THAT(sends_all_first.read_all(), StartsWith("HTTP/1.1 401 "));
    EXPECT_TRUE(sends_all_first.ended());
    EXPECT_FALSE(sends_all_first.was_reset());
}

TEST(server_limits, one_key_with_many_bodies_leaves_room_for_another) {
    server_options options;
    options.max_body_bytes = 1000;
    options.max_buffered_body_bytes = 4000;
    live_server live(size_of_body, options);
    live.judge_with(judge_by_key);
    std::vector<raw_client> greedy;
    for (int i = 0; i < 20; ++i) {
        greedy.push_back(live.connect());
        greedy.back().send(post_of("greedy", 1000) + std::string(900, 'x'));
    }
    ASSERT_TRUE(eventually([&] { return live.stats().connections >= 2; }));
    for (int i = 0; i < 5; ++i) {
        auto polite = live.connect();
        polite.send(post_of("polite", 1000) + std::string(1000, 'x'));
        EXPECT_THAT(polite.read_until("size 1000"), HasSubstr("size 1000"));
    }
}

TEST(server_limits, what_is_made_of_bodies_counts_and_is_given_back) {
    server_options options;
    options.max_body_bytes = 1000;
    options.max_buffered_body_bytes = 1000;
    live_server live(
        [](request& incoming, response_writer& out) -> core::awaitable<void> {
            const bool fits = incoming.memory->take(700);
            response whole;
            whole.body = fits ? "made" : "no room";
            co_await out.send(std::move(whole));
        },
        options);
    for (int i = 0; i < 3; ++i) {
        auto small = live.connect();
        small.send(post_of("", 100) + std::string(100, 'x'));
        EXPECT_THAT(small.read_until("made"), HasSubstr("made"));
        auto large = live.connect();
        large.send(post_of("", 400) + std::string(400, 'x'));
        EXPECT_THAT(large.read_until("no room"), HasSubstr("no room"));
    }
}

TEST(server_limits, a_body_that_drips_loses_its_place) {
    server_options options;
    options.body_timeout = core::seconds{2};
    live_server live(size_of_body, options);
    auto client = live.connect();
    client.send(post_of("", 10'000));
    const auto begin = std::chrono::steady_clock::now();
    while (client.read_until("408", std::chrono::milliseconds{200}).empty() &&
           std::chrono::steady_clock::now() - begin < patience) {
        client.send("x");
    }
    EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 408 "));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds{9});
}

TEST(server_limits, a_slow_body_ends_once_others_find_no_room) {
    server_options options;
    options.max_body_bytes = 1000;
    options.max_buffered_body_bytes = 1500;
    options.body_timeout = core::seconds{6};
    live_server live(size_of_body, options);
    live.judge_with(judge_by_key);
    auto slow = live.connect();
    slow.send(post_of("greedy", 1000) + std::string(900, 'x'));
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_TRUE(eventually([&] {
        auto large = live.connect();
        large.send(post_of("polite", 1000));
        return large.read_until("\r\n\r\n", std::chrono::milliseconds{100}).starts_with("HTTP/1.1 503 ");
    }));
    auto small = live.connect();
    small.send(post_of("polite", 20) + std::string(20, 'x'));
    EXPECT_THAT(small.read_until("size 20"), HasSubstr("size 20"));
    EXPECT_THAT(slow.read_all(), StartsWith("HTTP/1.1 408 "));
    const auto span = std::chrono::steady_clock::now() - begin;
    EXPECT_GT(span, std::chrono::milliseconds{2900});
    EXPECT_LT(span, std::chrono::milliseconds{5900}) << "before its silence is over";
    auto large = live.connect();
    large.send(post_of("polite", 1000) + std::string(1000, 'x'));
    EXPECT_THAT(large.read_until("size 1000"), HasSubstr("size 1000"));
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

TEST(server_limits, where_connections_are_full_the_oldest_idle_one_goes) {
    server_options options;
    options.max_connections = 3;
    live_server live(size_of_body, options);
    auto busy = live.connect();
    busy.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return live.stats().exchanges == 1; }));
    auto first = live.connect();
    ASSERT_TRUE(eventually([&] { return live.stats().connections == 2; }));
    auto second = live.connect();
    ASSERT_TRUE(eventually([&] { return live.stats().connections == 3; }));
    auto third = live.connect();
    third.send(get);
    EXPECT_THAT(third.read_until("size 0"), HasSubstr("size 0"));
    first.read_all(std::chrono::seconds{5});
    EXPECT_TRUE(first.ended());
    second.send(get);
    EXPECT_THAT(second.read_until("size 0"), HasSubstr("size 0"));
    EXPECT_THAT(busy.read_until("size 0"), HasSubstr("size 0"));
}

TEST(server_limits, refused_ones_that_stay_and_go_on_sending_delay_no_newcomer) {
    server_options options;
    options.max_connections = 8;
    live_server live(size_of_body, options);
    live.judge_with(judge_by_key);
    std::vector<raw_client> crowd;
    for (int i = 0; i < 100; ++i) {
        const auto came = std::chrono::steady_clock::now();
        crowd.push_back(live.connect());
        crowd.back().send(post_of("", 1'000'000) + std::string(500, 'x'));
        EXPECT_THAT(crowd.back().read_until("no key"), StartsWith("HTTP/1.1 401 ")) << i;
        crowd.back().send(std::string(300'000, 'x'));
        EXPECT_LT(std::chrono::steady_clock::now() - came, std::chrono::seconds{1}) << i;
    }
    auto polite = live.connect();
    polite.send("GET / HTTP/1.1\r\nHost: h\r\nx-api-key: polite\r\n\r\n");
    EXPECT_THAT(polite.read_until("size 0", std::chrono::seconds{1}), HasSubstr("size 0"));
}

TEST(server_limits, idle_connections_without_a_key_do_not_drive_out_one_with_a_key) {
    server_options options;
    options.max_connections = 8;
    live_server live(size_of_body, options);
    live.judge_with(judge_by_key);
    const std::string keyed = "GET / HTTP/1.1\r\nHost: h\r\nx-api-key: polite\r\n\r\n";
    auto polite = live.connect();
    polite.send(keyed);
    ASSERT_THAT(polite.read_until("size 0"), HasSubstr("size 0"));
    polite.forget();
    std::vector<raw_client> crowd;
    for (int i = 0; i < 100; ++i) {
        crowd.push_back(live.connect());
        if (i % 3 == 0) {
            crowd.back().send("GET / HT");  // a header that never ends
        }
    }
    ASSERT_TRUE(eventually([&] { return live.stats().connections <= 8; }));
    polite.send(keyed);
    EXPECT_THAT(polite.read_until("size 0"), HasSubstr("size 0"));
    auto again = live.connect();
    again.send(keyed);
    EXPECT_THAT(again.read_until("size 0"), HasSubstr("size 0"));
}

TEST(server_limits, where_all_are_at_work_a_newcomer_waits) {
    server_options options;
    options.max_connections = 1;
    live_server live(size_of_body, options);
    auto busy = live.connect();
    busy.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return live.stats().exchanges == 1; }));
    auto next = live.connect();
    next.send(get);
    EXPECT_THAT(next.read_until("size 0"), HasSubstr("size 0"));
    EXPECT_THAT(busy.read_until("size 0"), HasSubstr("size 0"));
}

TEST(server_limits, requests_in_heaps_are_served_in_turn_with_those_of_others) {
    constexpr int heap = 30;
    std::vector<std::string> order;
    live_server live([&order](const request& incoming, response_writer& out) -> core::awaitable<void> {
        order.emplace_back(incoming.headers.find("x-who"));
        response whole;
        whole.body = incoming.path;
        co_await out.send(std::move(whole));
    });
    std::vector<raw_client> clients;
    live.on_loop([&] {  // all of it is there before the first is accepted
        for (const char* who : {"a", "b"}) {
            clients.push_back(live.connect());
            for (int i = 1; i <= heap; ++i) {
                clients.back().send("GET /" + std::string(i == heap ? "last" : "one") +
                                    " HTTP/1.1\r\nHost: h\r\nx-who: " + who + "\r\n\r\n");
            }
        }
    });
    for (raw_client& each : clients) {
        EXPECT_THAT(each.read_until("/last"), HasSubstr("/last"));
    }
    const auto seen = live.on_loop([&order] { return order; });
    ASSERT_EQ(seen.size(), 2U * heap);
    const auto first_of_b = std::find(seen.begin(), seen.end(), "b") - seen.begin();
    EXPECT_LT(first_of_b, 5);
}

// Without heaps too: what counts is whose requests they are, not how they come.
TEST(server_limits, a_crowd_of_one_client_s_connections_leaves_the_next_turn_to_another) {
    constexpr int crowd = 100;
    std::vector<std::string> order;
    live_server live([&order](const request& incoming, response_writer& out) -> core::awaitable<void> {
        order.emplace_back(incoming.headers.find("x-who"));
        response whole;
        whole.body = "done";
        co_await out.send(std::move(whole));
    });
    live.judge_with([](const request& head) {
        head_verdict verdict;
        verdict.owner = head.headers.find("x-who");
        return verdict;
    });
    std::vector<raw_client> clients;
    const auto ask = [&](const std::string& who) {
        clients.push_back(live.connect());
        clients.back().send("GET / HTTP/1.1\r\nHost: h\r\nx-who: " + who + "\r\n\r\n");
    };
    live.on_loop([&] {
        for (int i = 0; i < crowd; ++i) {
            ask("greedy");
        }
        ask("polite");
    });
    for (raw_client& each : clients) {
        EXPECT_THAT(each.read_until("done"), HasSubstr("done"));
    }
    const auto seen = live.on_loop([&order] { return order; });
    ASSERT_EQ(seen.size(), crowd + 1U);
    EXPECT_LT(std::find(seen.begin(), seen.end(), "polite") - seen.begin(), crowd / 2);
}

// To read thousands of chunks of a byte takes as long as to answer many requests.
TEST(server_limits, others_have_turns_between_bodies_of_many_chunks) {
    constexpr int crowd = 40;
    std::string body;
    for (int i = 0; i < 6000; ++i) {
        body += "1\r\nx\r\n";
    }
    std::shared_ptr<turn_count> others;
    std::atomic<int> answered{0};
    live_server live([&](const request& incoming, response_writer& out) -> core::awaitable<void> {
        if (incoming.path == "/begin") {
            const core::executor loop = co_await core::asio::this_coro::executor;
            others = std::make_shared<turn_count>(loop);
            others->begin();
        } else if (++answered == crowd) {
            others->over = true;
        }
        response whole;
        whole.body = "size " + std::to_string(incoming.body.size());
        co_await out.send(std::move(whole));
    });
    auto first = live.connect();
    first.send("GET /begin HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_THAT(first.read_until("size 0"), HasSubstr("size 0"));
    std::vector<raw_client> clients;
    const int before = live.on_loop([&] {  // all of it is there before the first is accepted
        for (int i = 0; i < crowd; ++i) {
            clients.push_back(live.connect());
            clients.back().send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + body +
                                "0\r\n\r\n");
        }
        return others->turns;
    });
    for (raw_client& each : clients) {
        EXPECT_THAT(each.read_until("size 6000"), HasSubstr("size 6000"));
    }
    const int turns = live.on_loop([&] { return others->turns; });
    EXPECT_GE(turns - before, 2 * crowd) << "one for each body, one for each answer";
}

TEST(server_limits, keeps_descriptors_for_the_rest_of_the_program) {
    live_server live(size_of_body);
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    rlimit tight = files;
    tight.rlim_cur = 256;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
    std::vector<raw_client> crowd;
    // All before the first is accepted: their own descriptors are of this process too, and must not take what is kept.
    live.on_loop([&] {
        for (int i = 0; i < 140; ++i) {  // a client's descriptor and the server's each
            crowd.push_back(live.connect());
            EXPECT_TRUE(crowd.back().connected()) << i;
        }
    });
    crowd.back().send(get);
    EXPECT_THAT(crowd.back().read_until("size 0"), HasSubstr("size 0"));
    crowd.front().read_all(std::chrono::seconds{5});
    EXPECT_TRUE(crowd.front().ended() || crowd.front().was_reset()) << "the oldest has yielded";
    std::vector<int> own;
    for (int i = 0; i < 50; ++i) {
        own.push_back(::dup(0));
        EXPECT_GE(own.back(), 0) << i;
    }
    for (const int each : own) {
        ::close(each);
    }
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);
}

TEST(server_limits, an_idle_connection_with_a_request_on_it_keeps_its_place) {
    live_server live(size_of_body);
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    auto kept = live.connect();
    kept.send(get);
    EXPECT_THAT(kept.read_until("size 0"), HasSubstr("size 0"));
    const auto answered = std::chrono::steady_clock::now();
    auto newcomer = std::optional<raw_client>();
    rlimit tight = files;
    // Both are there before the loop looks at either, the newcomer first.
    live.on_loop([&] {
        std::this_thread::sleep_until(answered +
                                      std::chrono::milliseconds{500});  // long enough idle to yield
        newcomer.emplace(live.connect());
        kept.send(post_three);
        // What is left is kept for the rest of the program.
        tight.rlim_cur = static_cast<rlim_t>(newcomer->handle()) + 3;
        EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
    });
    EXPECT_THAT(kept.read_until("size 3"), HasSubstr("size 3"));
    newcomer->send(get);
    EXPECT_THAT(newcomer->read_until("size 0"), HasSubstr("size 0")) << "once the other is idle again";
    kept.read_all(std::chrono::seconds{5});
    EXPECT_TRUE(kept.ended() || kept.was_reset());
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);
}

TEST(server_limits, a_stop_still_answers_the_request_that_has_come) {
    live_server live(size_of_body);
    auto kept = live.connect();
    auto idle = live.connect();
    for (raw_client* each : {&kept, &idle}) {
        each->send(get);
        EXPECT_THAT(each->read_until("size 0"), HasSubstr("size 0"));
    }
    live.stop_accepting([&kept] { kept.send(post_three); });
    EXPECT_THAT(kept.read_until("size 3"), HasSubstr("size 3"));
    for (raw_client* each : {&kept, &idle}) {
        each->read_all(std::chrono::seconds{5});
        EXPECT_TRUE(each->ended());
    }
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

}  // namespace
}  // namespace corral::http::test
