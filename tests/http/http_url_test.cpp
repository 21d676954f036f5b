#include <gtest/gtest.h>

#include "corral/http/client.hpp"

namespace corral::http {
namespace {

TEST(http_url, names_an_endpoint) {
    const auto plain = parse_http_url("http://127.0.0.1:8000");
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->address().to_string(), "127.0.0.1");
    EXPECT_EQ(plain->port(), 8000);
    EXPECT_EQ(parse_http_url("http://localhost:12345/")->address().to_string(), "127.0.0.1");
    EXPECT_EQ(parse_http_url("http://[::1]:65535")->address().to_string(), "::1");
}

TEST(http_url, anything_else_is_refused_with_the_reason) {
    for (const char* url :
         {"", "127.0.0.1:8000", "https://127.0.0.1:8000", "http://127.0.0.1", "http://[::1]",
          "http://127.0.0.1:0", "http://127.0.0.1:65536", "http://127.0.0.1:80x", "http://:80",
          "http://example.org:80", "http://127.0.0.1:80/api", "http://u@127.0.0.1:80",
          "http://127.0.0.1:80?x", "http://127.0.0.1:-1", "http://127.0.0.1:+1"}) {
        const auto got = parse_http_url(url);
        ASSERT_FALSE(got) << url;
        EXPECT_EQ(got.error().code, core::make_error_code(core::errc::invalid)) << url;
        EXPECT_NE(got.error().message.text().find("must "), std::string::npos) << url;
    }
}

}  // namespace
}  // namespace corral::http
