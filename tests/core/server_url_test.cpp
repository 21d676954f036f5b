#include "corral/core/server_url.hpp"

#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace corral::core {
namespace {

TEST(server_url, names_a_host_and_maybe_a_port) {
    const std::vector<std::pair<const char*, std::pair<std::string, unsigned>>> cases{
        {"http://127.0.0.1:8000", {"127.0.0.1", 8000}}, {"http://localhost/", {"localhost", 0}},
        {"http://[::1]:65535", {"::1", 65535}},         {"http://[fe80::1]", {"fe80::1", 0}},
        {"http://box_1.lan:1/", {"box_1.lan", 1}},
    };
    for (const auto& [text, wanted] : cases) {
        const auto read = parse_server_url(text);
        ASSERT_TRUE(std::holds_alternative<server_url>(read)) << text;
        const auto& url = std::get<server_url>(read);
        EXPECT_EQ(std::pair(url.host, unsigned{url.port.value_or(0)}), wanted) << text;
    }
    EXPECT_EQ((server_url{"::1", 1}).host_text(), "[::1]");
    EXPECT_EQ((server_url{"box", 1}).host_text(), "box");
}

TEST(server_url, https_is_read_where_it_is_spoken) {
    const auto read = parse_server_url("https://box.lan:1", url_schemes::http_and_https);
    ASSERT_TRUE(std::holds_alternative<server_url>(read));
    EXPECT_TRUE(std::get<server_url>(read).tls);
    EXPECT_EQ(std::get<server_url>(read).port, 1);
    const auto plain = parse_server_url("http://box.lan", url_schemes::http_and_https);
    ASSERT_TRUE(std::holds_alternative<server_url>(plain));
    EXPECT_FALSE(std::get<server_url>(plain).tls);
    for (const char* const bad : {"https://", "https://a:0", "https://a/x", "ftp://a"}) {
        EXPECT_TRUE(std::holds_alternative<url_fault>(parse_server_url(bad, url_schemes::http_and_https)))
            << bad;
    }
}

TEST(server_url, anything_else_is_refused_for_what_is_wrong) {
    const std::vector<std::pair<const char*, url_fault>> cases{
        {"", url_fault::scheme},
        {"127.0.0.1:8000", url_fault::scheme},
        {"HTTP://a:1", url_fault::scheme},
        {"https://a:1", url_fault::tls},
        {"http://a:1/api", url_fault::more},
        {"http://u@a:1", url_fault::more},
        {"http://a:1?x", url_fault::more},
        {"http://a:1#x", url_fault::more},
        {"http://", url_fault::host},
        {"http://:80", url_fault::host},
        {"http://a%2fb:80", url_fault::host},
        {"http://[v1.x]:80", url_fault::host},
        {"http://[::1", url_fault::host},
        {"http://a b", url_fault::host},
        {"http://a:0", url_fault::port},
        {"http://a:", url_fault::port},
        {"http://a:65536", url_fault::port},
        {"http://a:80x", url_fault::port},
        {"http://a:-1", url_fault::port},
    };
    for (const auto& [text, fault] : cases) {
        const auto read = parse_server_url(text);
        ASSERT_TRUE(std::holds_alternative<url_fault>(read)) << text;
        EXPECT_EQ(std::get<url_fault>(read), fault) << text;
    }
}

TEST(server_url, names_of_this_machine_are_known_without_a_resolver) {
    for (const char* const host : {"localhost", "LocalHost", "box.localhost"}) {
        const auto found = own_endpoints(host, 8000);
        ASSERT_EQ(found.size(), 2U) << host;
        for (const auto& each : found) {
            EXPECT_TRUE(each.address().is_loopback());
            EXPECT_EQ(each.port(), 8000);
        }
    }
    for (const char* const host : {"localhost.lan", "mylocalhost", "127.0.0.1", ""}) {
        EXPECT_TRUE(own_endpoints(host, 1).empty()) << host;
    }
}

}  // namespace
}  // namespace corral::core
