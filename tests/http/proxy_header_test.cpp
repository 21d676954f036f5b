#include "http/proxy_header.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace corral::http {
namespace {

using progress = proxy_header::progress;

const std::string start{"\r\n\r\n\0\r\nQUIT\n", 12};

std::string block(unsigned char command, unsigned char family, const std::string& addresses) {
    std::string out = start;
    out += static_cast<char>(command);
    out += static_cast<char>(family);
    out += static_cast<char>(addresses.size() / 256);
    out += static_cast<char>(addresses.size() % 256);
    return out + addresses;
}

const std::string v4{"\xC0\x00\x02\x07\xC6\x33\x64\x01\x13\x88\x01\xBB", 12};  // 192.0.2.7 port 5000
const std::string v6 = std::string{"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07", 16} + std::string(16, '\1') +
                       std::string{"\x13\x88\x01\xBB", 4};
const std::string clothed = std::string(10, '\0') + "\xFF\xFF" + std::string{"\xC0\x00\x02\x07", 4} +
                            std::string(16, '\1') + std::string{"\x13\x88\x01\xBB", 4};
const std::string extension{"\x04\x00\x03xyz", 6};

std::string outcome(const proxy_header& of) {
    switch (of.state()) {
        case progress::more:
            return "more";
        case progress::refused:
            return std::string(of.why());
        case progress::complete:
            break;
    }
    if (!of.client()) {
        return "its own";
    }
    return of.client()->address().to_string() + " " + std::to_string(of.client()->port());
}

constexpr const char* else_ = "it begins with something else";
constexpr const char* none = "an address or a port in its line is none";
constexpr const char* half_end = "its line ends with half a line end";
constexpr const char* count = "its line has not two addresses and two ports";

struct row {
    std::string bytes;
    std::string outcome;
};

std::vector<row> lines() {
    const std::string longest =
        "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n";
    return {
        {"PROXY TCP4 192.0.2.7 198.51.100.1 5000 443\r\n", "192.0.2.7 5000"},
        {"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255 65535"},
        {"PROXY TCP6 2001:db8::7 2001:DB8::1 5000 443\r\n", "2001:db8::7 5000"},
        {"PROXY TCP6 ::ffff:192.0.2.7 ::1 0 0\r\n", "192.0.2.7 0"},
        {"PROXY UNKNOWN\r\n", "its own"},
        {longest, "its own"},
        {"PROXY UNKNOWN " + std::string(92, 'x') + "\r\n", "its line is longer than 107 bytes"},
        {"PROXY UNKNOWNS\r\n", "its protocol is none of TCP4, TCP6 and UNKNOWN"},
        {"PROXY UDP4 192.0.2.7 198.51.100.1 5000 443\r\n", "its protocol is none of TCP4, TCP6 and UNKNOWN"},
        {"PROXY \r\n", "its protocol is none of TCP4, TCP6 and UNKNOWN"},
        {"PROXY TCP4\r\n", count},
        {"PROXY TCP4 192.0.2.7 198.51.100.1 5000 443 1\r\n", count},
        {"PROXY TCP4  192.0.2.7 198.51.100.1 5000 443\r\n", count},
        {"PROXY TCP4 192.0.2.7 198.51.100.1 5000 443 \r\n", count},
        {"PROXY TCP4 192.0.2.07 198.51.100.1 5000 443\r\n", none},
        {"PROXY TCP4 192.0.2.256 198.51.100.1 5000 443\r\n", none},
        {"PROXY TCP4 192.0.2 198.51.100.1 5000 443\r\n", none},
        {"PROXY TCP4 2001:db8::7 2001:db8::1 5000 443\r\n", none},
        {"PROXY TCP6 192.0.2.7 198.51.100.1 5000 443\r\n", none},
        {"PROXY TCP6 fe80::1%lo ::1 5000 443\r\n", none},
        {"PROXY TCP4 192.0.2.7 198.51.100.1 05000 443\r\n", none},
        {"PROXY TCP4 192.0.2.7 198.51.100.1 +5000 443\r\n", none},
        {"PROXY TCP4 192.0.2.7 198.51.100.1 65536 443\r\n", none},
        {"PROXY TCP4 192.0.2.7 198.51.100.1 5000 \r\n", none},
        {"PROXY TCP4 192.0.2.7 198.51.100.1 5000 443\n", half_end},
        {"PROXY TCP4 192.0.2.7 198.51.100.1 5000 443\rG", half_end},
        {"PROXY TCP4 192.0.2.7 198.51.100.1 5000 443\r", "more"},
        {"PROXY", "more"},
        {"", "more"},
        {"PROXYTCP4", else_},
        {"proxy TCP4", else_},
        {"GET / HTTP/1.1\r\n", else_},
        {"\x16\x03\x01", else_},
    };
}

std::vector<row> blocks() {
    constexpr const char* cut = "its addresses are cut short";
    constexpr const char* unknown = "its version or its command is unknown";
    constexpr const char* foreign = "its client is none of TCP, nor of a Unix socket";
    return {
        {block(0x21, 0x11, v4), "192.0.2.7 5000"},
        {block(0x21, 0x11, v4 + extension), "192.0.2.7 5000"},
        {block(0x21, 0x11, v4 + std::string(65535 - 12, 'x')), "192.0.2.7 5000"},
        {block(0x21, 0x21, v6), "2001:db8::7 5000"},
        {block(0x21, 0x21, v6 + extension), "2001:db8::7 5000"},
        {block(0x21, 0x21, clothed), "192.0.2.7 5000"},
        {block(0x20, 0x00, ""), "its own"},
        {block(0x20, 0x11, v4), "its own"},
        {block(0x20, 0xFF, extension), "its own"},
        {block(0x21, 0x00, ""), "its own"},
        {block(0x21, 0x00, extension), "its own"},
        {block(0x21, 0x31, std::string(216, '/')), "its own"},
        {block(0x21, 0x11, v4.substr(1)), cut},
        {block(0x21, 0x21, v4), cut},
        {block(0x21, 0x01, v4), cut},
        {block(0x21, 0x12, v4), foreign},
        {block(0x21, 0x41, v4), foreign},
        {block(0x21, 0x10, v4), foreign},
        {block(0x11, 0x11, v4), unknown},
        {block(0x22, 0x11, v4), unknown},
        {block(0x21, 0x11, v4).substr(0, 27), "more"},
        {block(0x21, 0x11, v4 + extension).substr(0, 33), "more"},
        {start, "more"},
        {"\r\n\r\nGET", else_},
    };
}

std::vector<row> all_rows() {
    std::vector<row> all = lines();
    for (const row& one : blocks()) {
        all.push_back(one);
    }
    return all;
}

TEST(proxy_header, is_read_or_refused_with_a_reason) {
    for (const row& one : all_rows()) {
        proxy_header header;
        const std::size_t taken = header.feed(one.bytes);
        EXPECT_EQ(outcome(header), one.outcome) << one.bytes;
        EXPECT_EQ(header.is_something_else(), one.outcome == else_) << one.bytes;
        EXPECT_EQ(header.begun(), !one.bytes.empty());
        EXPECT_LE(taken, one.bytes.size());
    }
}

TEST(proxy_header, takes_no_byte_behind_it_however_it_is_split) {
    const std::string behind = "GET / HTTP/1.1\r\n\r\n";
    for (const row& one : all_rows()) {
        if (one.outcome == "more" || one.bytes.size() > 1000) {
            continue;
        }
        for (std::size_t step = 1; step <= one.bytes.size() + behind.size(); ++step) {
            proxy_header header;
            std::string rest = one.bytes + behind;
            while (header.state() == progress::more && !rest.empty()) {
                const std::size_t used = header.feed(std::string_view(rest).substr(0, step));
                rest.erase(0, used);
            }
            ASSERT_EQ(outcome(header), one.outcome) << one.bytes << " in steps of " << step;
            if (header.state() == progress::complete) {
                ASSERT_EQ(rest, behind) << one.bytes << " in steps of " << step;
            }
            ASSERT_EQ(header.feed("more"), 0U);
        }
    }
}

}  // namespace
}  // namespace corral::http
