// Connections that a proxy passes on: whose they are, and what becomes of those that don't say it.

#include <gmock/gmock.h>

#include "catalog/temporary_folder.hpp"
#include "live_server.hpp"
#include "test_certificate.hpp"
#include "tls_client.hpp"

namespace corral::http::test {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr const char* proxy = "127.0.0.9";
const std::string line = "PROXY TCP4 192.0.2.7 198.51.100.1 5000 443\r\n";
const std::string local_client = "PROXY TCP4 127.0.0.1 127.0.0.1 5000 443\r\n";
const std::string by_itself{"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16};
const std::string get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

core::awaitable<void> tell_peer(const request& incoming, response_writer& out) {
    response whole;
    whole.body = "<" + incoming.peer.address().to_string() + (incoming.relayed ? " relayed" : " itself") +
                 (is_local(incoming) ? " local>" : " elsewhere>");
    co_await out.send(std::move(whole));
}

server_options with_proxy() {
    server_options out;
    out.proxies.push_back(ip_network::parse(proxy).value());
    out.handshake_timeout = core::seconds{1};
    return out;
}

raw_client from(const live_server& live, const char* own) {
    return raw_client(live.port(), 0, "127.0.0.1", own);
}

TEST(server_proxy, the_client_is_whom_the_header_names_and_is_never_local) {
    const struct {
        std::string header;
        std::string told;
    } table[] = {{line, "<192.0.2.7 relayed elsewhere>"},
                 {local_client, "<127.0.0.1 relayed elsewhere>"},
                 {by_itself, "<127.0.0.9 relayed elsewhere>"},
                 {"PROXY UNKNOWN\r\n", "<127.0.0.9 relayed elsewhere>"}};
    live_server live(tell_peer, with_proxy());
    for (const auto& row : table) {
        auto client = from(live, proxy);
        client.send(row.header + get);
        EXPECT_THAT(client.read_until(">"), HasSubstr(row.told));
        client.forget();
        client.send(get);
        EXPECT_THAT(client.read_until(">"), HasSubstr(row.told)) << "of a second request";
    }
    EXPECT_THAT(live.log(), SizeIs(0));
}

TEST(server_proxy, a_request_says_whose_share_its_addresses_are) {
    live_server live(
        [](const request& incoming, response_writer& out) -> core::awaitable<void> {
            response whole;
            whole.body = "<" + incoming.share + ">";
            co_await out.send(std::move(whole));
        },
        with_proxy());
    const std::pair<std::string, std::string> table[] = {
        {line, "<192.0.2.7>"},
        {"PROXY TCP4 127.9.9.9 127.0.0.1 5000 443\r\n", "<127.0.0.9>"},
        {"PROXY TCP6 2001:db8:9:9::7 2001:db8::1 5000 443\r\n", "<2001:db8:9:9::/64>"}};
    for (const auto& [header, share] : table) {
        auto client = from(live, proxy);
        client.send(header + get);
        EXPECT_THAT(client.read_until(">"), HasSubstr(share));
    }
    auto near = from(live, "127.0.0.3");
    near.send(get);
    EXPECT_THAT(near.read_until(">"), HasSubstr("<127.0.0.3>"));
}

TEST(server_proxy, a_header_may_come_byte_by_byte) {
    live_server live(tell_peer, with_proxy());
    auto client = from(live, proxy);
    for (const char one : line) {
        ASSERT_TRUE(client.send({&one, 1}));
    }
    client.send(get);
    EXPECT_THAT(client.read_until(">"), HasSubstr("<192.0.2.7 relayed"));
}

TEST(server_proxy, a_header_from_another_address_is_no_request) {
    live_server live(tell_peer, with_proxy());
    auto client = from(live, "127.0.0.1");
    client.send(line + get);
    EXPECT_THAT(client.read_all(), HasSubstr("400"));
    auto plain = from(live, "127.0.0.1");
    plain.send(get);
    EXPECT_THAT(plain.read_until(">"), HasSubstr("<127.0.0.1 itself local>"));
}

TEST(server_proxy, a_proxy_that_says_nothing_is_refused_and_told_once_in_the_log) {
    live_server live(tell_peer, with_proxy());
    {
        auto client = from(live, proxy);
        client.send(get);
        EXPECT_THAT(client.read_all(), HasSubstr("by the PROXY protocol only"));
        EXPECT_TRUE(client.ended());
    }
    auto broken = from(live, proxy);
    broken.send("PROXY TCP4 nobody\r\n" + get);
    EXPECT_EQ(broken.read_all(), "");
    ASSERT_TRUE(eventually([&] { return live.stats().connections == 0; }));
    EXPECT_THAT(live.log(), SizeIs(1));
    EXPECT_THAT(live.log()[0], HasSubstr("127.0.0.9"));
    EXPECT_THAT(live.log()[0], HasSubstr("send-proxy-v2"));
}

TEST(server_proxy, half_a_header_ends_at_the_deadline_and_none_is_no_complaint) {
    live_server live(tell_peer, with_proxy());
    auto probe = from(live, proxy);
    auto half = from(live, proxy);
    probe.close();
    half.send("PROXY TCP4 192.0");
    EXPECT_EQ(half.read_all(), "");
    EXPECT_TRUE(half.ended());
    ASSERT_TRUE(eventually([&] { return live.stats().connections == 0; }));
    EXPECT_THAT(live.log(), SizeIs(1));
    EXPECT_THAT(live.log()[0], HasSubstr("did not come to its end"));
}

TEST(server_proxy, clients_behind_one_proxy_have_shares_of_their_own) {
    server_options few = with_proxy();
    few.max_connections = 3;
    few.handshake_timeout = core::seconds{10};
    live_server live(tell_peer, few);
    std::vector<raw_client> greedy;
    for (int i = 0; i < 3; ++i) {
        greedy.push_back(from(live, proxy));
        greedy.back().send(line + get);
        EXPECT_THAT(greedy.back().read_until(">"), HasSubstr("<192.0.2.7"));
    }
    for (int i = 0; i < 2; ++i) {
        auto modest = from(live, proxy);
        modest.send("PROXY TCP4 192.0.2.8 198.51.100.1 5000 443\r\n" + get);
        EXPECT_THAT(modest.read_until(">"), HasSubstr("<192.0.2.8"));
    }
    greedy[0].read_all();
    EXPECT_TRUE(greedy[0].ended()) << "the one that was idle for longest made room";
}

TEST(server_proxy, a_connection_kept_aside_goes_on_as_its_clients) {
    live_server live(tell_peer, with_proxy());
    auto used = from(live, proxy);
    used.send(line + get);
    used.read_until(">");
    used.forget();
    auto begun = from(live, proxy);
    begun.send(line.substr(0, 9));
    ASSERT_TRUE(eventually([&] { return live.stats().connections == 2; }));
    live.pause();
    begun.send(line.substr(9) + get);
    EXPECT_TRUE(eventually([&] { return live.kept_aside() == 2; }))
        << "the header was read, the request was not";
    used.send(get);
    live.resume();
    EXPECT_THAT(used.read_until(">"), HasSubstr("<192.0.2.7 relayed elsewhere>"));
    EXPECT_THAT(begun.read_until(">"), HasSubstr("<192.0.2.7 relayed elsewhere>"));
}

TEST(server_proxy, the_header_comes_before_tls) {
    const tests::temporary_folder folder;
    const auto made = make_certificate("box.lan");
    const tls_files files{folder.write("cert.pem", made.certificate), folder.write("key.pem", made.key)};
    server_options options = with_proxy();
    options.proxies = {ip_network::parse("127.0.0.0/8").value()};
    options.handshake_timeout = core::seconds{10};
    live_server live(tell_peer, options, tls_credentials::load(files).value());
    tls_client client(live.port(), {.before = line});
    ASSERT_TRUE(client.secure());
    client.send(get);
    EXPECT_THAT(client.read_until(">"), HasSubstr("<192.0.2.7 relayed elsewhere>"));
    tls_client bare(live.port());
    EXPECT_FALSE(bare.secure());
}

}  // namespace
}  // namespace corral::http::test
