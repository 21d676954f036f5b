#include "pull/fetch_policy.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace corral::pull {

namespace {

using core::milliseconds;
using core::seconds;

class retries : public testing::Test {
protected:
    std::optional<milliseconds> next(bad_end end) { return next_attempt(state_, end, random_); }
    retry_state state_;
    core::seeded_random random_{1};
};

TEST_F(retries, wait_longer_and_longer_and_end) {
    milliseconds before{0};
    for (int i = 0; i < 7; ++i) {
        const auto wait = next({trouble::cut, 0, {}, false});
        ASSERT_TRUE(wait);
        EXPECT_GT(*wait, before / 2);
        EXPECT_LE(*wait, seconds{120});
        before = *wait;
    }
    EXPECT_FALSE(next({trouble::cut, 0, {}, false}));
}

TEST_F(retries, begin_anew_when_bytes_came) {
    for (int i = 0; i < 50; ++i) {
        const auto wait = next({trouble::cut, 0, {}, true});
        ASSERT_TRUE(wait);
        EXPECT_LE(*wait, milliseconds{500});
    }
}

TEST_F(retries, are_not_made_where_they_change_nothing) {
    for (const unsigned status : {400U, 401U, 403U, 404U, 410U, 501U}) {
        EXPECT_FALSE(next({trouble::status, status, {}, false})) << status;
    }
    for (const unsigned status : {408U, 429U, 500U, 502U, 503U}) {
        EXPECT_TRUE(next({trouble::status, status, {}, true})) << status;
    }
}

TEST_F(retries, keep_to_what_the_server_says_within_bounds) {
    EXPECT_EQ(next({trouble::status, 503, seconds{30}, false}), seconds{30});
    EXPECT_EQ(next({trouble::status, 503, seconds{86400}, false}), seconds{120});
    EXPECT_GT(next({trouble::status, 503, seconds{0}, false}), milliseconds{0});
}

TEST_F(retries, a_file_that_is_another_is_fetched_once_more) {
    EXPECT_TRUE(next({trouble::wrong_hash, 0, {}, false}));
    EXPECT_FALSE(next({trouble::wrong_hash, 0, {}, false}));
}

TEST(refusals, say_what_to_do) {
    const auto said = [](unsigned status, const char* code, bool token) {
        return refusal(status, code, "'o/r'", token).message.text();
    };
    EXPECT_EQ(said(401, "", false),
              "the source refuses 'o/r' (401): it is not there, or not for everybody; see the name, and for "
              "a model that asks for "
              "consent put a token into 'token_file' of [pull]");
    EXPECT_NE(said(403, "GatedRepo", true).find("consent"), std::string::npos);
    EXPECT_NE(said(403, "", true).find("the token does not open it"), std::string::npos);
    EXPECT_NE(said(404, "RevisionNotFound", true).find("branch, tag or commit"), std::string::npos);
}

}  // namespace

namespace {

TEST(resume, goes_on_where_the_part_ends_if_it_is_still_the_same_file) {
    const auto asked = plan_part({5, 10, "\"e\""});
    EXPECT_EQ(asked.from, 5U);
    EXPECT_EQ(asked.if_range, "\"e\"");
    EXPECT_EQ(plan_part({5, 10, "W/\"e\""}).if_range, "");
    EXPECT_EQ(plan_part({0, 10, "\"e\""}).from, 0U);
    EXPECT_TRUE(plan_part({10, 10, ""}).complete);
    EXPECT_TRUE(plan_part({0, 0, ""}).complete);
    EXPECT_TRUE(plan_part({11, 10, ""}).discard);
    EXPECT_EQ(plan_part({5, std::nullopt, ""}).from, 5U);
}

TEST(resume, takes_the_rest_or_the_whole_and_nothing_else) {
    const part_facts part{5, 10, "\"e\""};
    const part_request asked = plan_part(part);
    EXPECT_EQ(judge_answer(part, asked, {206, "bytes 5-9/10", 5})->from, 5U);
    EXPECT_EQ(judge_answer(part, asked, {200, "", 10})->from, 0U);
    EXPECT_FALSE(judge_answer(part, asked, {206, "bytes 4-9/10", 6}));
    EXPECT_FALSE(judge_answer(part, asked, {206, "bytes 5-9/11", 5}));
    EXPECT_FALSE(judge_answer(part, asked, {206, "bytes 5-9/10", 4}));
    EXPECT_FALSE(judge_answer(part, asked, {206, "", 5}));
    EXPECT_FALSE(judge_answer(part, asked, {200, "", 11}));
    EXPECT_FALSE(judge_answer(part, asked, {304, "", {}}));
    EXPECT_TRUE(judge_answer(part, asked, {200, "", {}}));
}

TEST(content_ranges, are_read_strictly) {
    EXPECT_EQ(parse_content_range("bytes 5-9/10"), (content_range{5, 9, 10}));
    EXPECT_EQ(parse_content_range("bytes 5-9/*"), (content_range{5, 9, std::nullopt}));
    for (const char* const bad :
         {"", "bytes", "bytes 9-5/10", "bytes 5-10/10", "bytes -5/10", "bytes 5-/10", "items 5-9/10",
          "bytes 5-9", "bytes 5-9/x", "bytes */10", "bytes 99999999999999999999-9/10"}) {
        EXPECT_FALSE(parse_content_range(bad)) << bad;
    }
}

}  // namespace

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
