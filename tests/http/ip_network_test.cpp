#include "corral/http/ip_network.hpp"

#include <string>

#include <gtest/gtest.h>

namespace corral::http {
namespace {

bool holds(const std::string& range, const std::string& address) {
    return ip_network::parse(range).value().contains(boost::asio::ip::make_address(address));
}

TEST(ip_network, holds_what_its_prefix_says) {
    const struct {
        const char* range;
        const char* address;
        bool holds;
    } table[] = {
        {"10.0.0.0/8", "10.255.0.1", true},
        {"10.0.0.0/8", "11.0.0.1", false},
        {"10.0.0.0/8", "::ffff:10.1.2.3", true},
        {"10.0.0.0/8", "::10.1.2.3", false},
        {"10.32.0.0/11", "10.63.255.255", true},
        {"10.32.0.0/11", "10.64.0.0", false},
        {"192.0.2.7", "192.0.2.7", true},
        {"192.0.2.7", "192.0.2.6", false},
        {"192.0.2.7/32", "192.0.2.7", true},
        {"0.0.0.0/0", "203.0.113.9", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"fd00::/8", "fdff::1", true},
        {"fd00::/8", "fe00::1", false},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"::1", "::1", true},
        {"::/0", "2001:db8::1", true},
        {"::/0", "10.0.0.1", false},
    };
    for (const auto& row : table) {
        EXPECT_EQ(holds(row.range, row.address), row.holds) << row.range << " " << row.address;
    }
}

TEST(ip_network, of_another_text_is_refused_with_the_reason) {
    const struct {
        const char* text;
        const char* why;
    } table[] = {
        {"", "write it as"},
        {"balancer", "write it as"},
        {"10.0.0.0/", "from 0 to 32"},
        {"10.0.0.0/33", "from 0 to 32"},
        {"10.0.0.0/-1", "from 0 to 32"},
        {"10.0.0.0/8/8", "from 0 to 32"},
        {"10.0.0.7/8", "bits beyond its prefix"},
        {"fd00::/129", "from 0 to 128"},
        {"fd00::1/64", "bits beyond its prefix"},
        {"fe80::1%lo", "write it as"},
        {"::ffff:10.0.0.0/104", "write it as"},
        {"10.0.0.0:80", "write it as"},
    };
    for (const auto& row : table) {
        const auto read = ip_network::parse(row.text);
        ASSERT_FALSE(read) << row.text;
        EXPECT_NE(read.error().message.text().find(row.why), std::string::npos) << read.error().message;
        EXPECT_NE(read.error().message.text().find("'" + std::string(row.text) + "'"), std::string::npos);
    }
}

}  // namespace
}  // namespace corral::http
