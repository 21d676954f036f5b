#include "http/request_parser.hpp"

#include <gtest/gtest.h>

namespace corral::http {
namespace {

TEST(request_target, is_cleaned_for_routing) {
    struct row {
        const char* target;
        const char* path;
        const char* query;
        const char* host = "";
    };
    const row rows[] = {
        {"/", "/", ""},
        {"/api/tags", "/api/tags", ""},
        {"//api//tags/", "/api/tags", ""},
        {"/api/tags///", "/api/tags", ""},
        {"/a?b=c&d=%20", "/a", "b=c&d=%20"},
        {"/a/?", "/a", ""},
        {"/a?x?y", "/a", "x?y"},
        {"/%61%2Fb", "/a/b", ""},
        {"/caf%C3%A9", "/caf\xC3\xA9", ""},
        {"http://host:1/api/tags?x", "/api/tags", "x", "host:1"},
        {"HTTP://host", "/", "", "host"},
        {"http://host?x", "/", "x", "host"},
        {"https://host/a", "/a", "", "host"},
        {"/http://host", "/http:/host", ""},
    };
    for (const row& one : rows) {
        const auto got = split_target("GET", one.target);
        ASSERT_TRUE(got) << one.target;
        EXPECT_EQ(got->path, one.path) << one.target;
        EXPECT_EQ(got->query, one.query) << one.target;
        EXPECT_EQ(got->host, one.host) << one.target;
    }
    ASSERT_TRUE(split_target("OPTIONS", "*"));
    EXPECT_EQ(split_target("OPTIONS", "*")->path, "*");
}

TEST(request_target, bad_ones_are_refused) {
    for (const char* target :
         {"", "*", "api", "host:80", "/a%", "/a%2", "/a%zz", "/a%00b", "/a%0d%0a", "/a#b", "http",
          "http:", "http://", "http:///a", "https://?x", "://host/a", "ftp://host/a"}) {
        EXPECT_FALSE(split_target("GET", target)) << target;
    }
}

}  // namespace
}  // namespace corral::http
