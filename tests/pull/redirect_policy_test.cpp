#include "pull/redirect_policy.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace corral::pull {
namespace {

reach reach_of_name(const char* text) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    if (::inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
        return reach_of(reinterpret_cast<const sockaddr*>(&v4));
    }
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    EXPECT_EQ(::inet_pton(AF_INET6, text, &v6.sin6_addr), 1) << text;
    return reach_of(reinterpret_cast<const sockaddr*>(&v6));
}

TEST(reach, addresses_of_this_network_are_inside_in_every_form) {
    for (const char* const each :
         {"127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
          "169.254.169.254", "100.64.0.1", "::1", "fe80::1", "fc00::1", "fdff::1", "::ffff:127.0.0.1",
          "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2002:a00:1::"}) {
        EXPECT_EQ(reach_of_name(each), reach::inside) << each;
    }
    for (const char* const each : {"8.8.8.8", "172.15.0.1", "172.32.0.1", "192.169.0.1", "100.128.0.1",
                                   "2001:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808"}) {
        EXPECT_EQ(reach_of_name(each), reach::open) << each;
    }
    for (const char* const each :
         {"0.0.0.0", "255.255.255.255", "224.0.0.1", "::", "ff02::1", "::127.0.0.1", "4000::1"}) {
        EXPECT_EQ(reach_of_name(each), reach::nowhere) << each;
    }
}

TEST(reach, what_was_named_by_a_person_may_be_inside_and_leads_further_there) {
    EXPECT_TRUE(may_connect(reach::inside, true, reach::open));
    EXPECT_FALSE(may_connect(reach::inside, false, reach::open));
    EXPECT_TRUE(may_connect(reach::inside, false, reach::inside));
    EXPECT_TRUE(may_connect(reach::open, false, reach::open));
    EXPECT_FALSE(may_connect(reach::nowhere, true, reach::inside));
}

TEST(redirects, go_on_with_tls_and_not_for_ever) {
    const auto hub = *parse_url("https://hub.example/a");
    EXPECT_TRUE(judge_redirect(hub, *parse_url("https://cdn.example/b"), 5));
    EXPECT_FALSE(judge_redirect(hub, *parse_url("https://cdn.example/b"), 6));
    EXPECT_FALSE(judge_redirect(hub, *parse_url("http://hub.example/a"), 1));
    EXPECT_TRUE(judge_redirect(*parse_url("http://box:8080/"), *parse_url("http://other/"), 1));
    EXPECT_TRUE(judge_redirect(*parse_url("https://127.0.0.1/"), *parse_url("http://127.0.0.1:81/"), 1));
}

TEST(urls, are_of_the_web_and_have_no_user) {
    EXPECT_EQ(*parse_url("https://HUB.example/a?b#c"), (url_parts{"https", "hub.example", 443}));
    EXPECT_EQ(*parse_url("http://[::1]:8080/"), (url_parts{"http", "::1", 8080}));
    for (const char* const bad :
         {"", "file:///etc/passwd", "ftp://a/", "https://", "https://u:p@h/", "https://h\n/", "//h/",
          "https://h:0/", "gopher://h/", "https://h:99999/"}) {
        EXPECT_FALSE(parse_url(bad)) << bad;
    }
}

TEST(hosts, that_are_written_as_addresses_are_judged_without_a_lookup) {
    for (const char* const one : {"127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fd00::1",
                                  "::ffff:192.168.0.1", "localhost", "a.localhost"}) {
        EXPECT_EQ(reach_of_host(one), reach::inside) << one;
    }
    for (const char* const one : {"203.0.113.5", "2606:4700::1", "hub.example", "localhost.example", ""}) {
        EXPECT_EQ(reach_of_host(one), reach::open) << one;
    }
    EXPECT_EQ(reach_of_host("0.0.0.0"), reach::nowhere);
}

}  // namespace
}  // namespace corral::pull
