#include "proxy_header.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

#include <boost/asio/ip/address.hpp>

#include "corral/core/text.hpp"
#include "corral/http/ip_network.hpp"

namespace corral::http {

namespace {

namespace ip = boost::asio::ip;

constexpr std::string_view line_start = "PROXY ";
constexpr std::string_view block_start{"\r\n\r\n\0\r\nQUIT\n", 12};
// Of version 2: the start, version and command, family and transport, two bytes of length.
constexpr std::size_t block_head = 16;
constexpr std::size_t addresses_v4 = 12;  // two addresses, two ports
constexpr std::size_t addresses_v6 = 36;

std::optional<std::uint16_t> port_of(std::string_view text) {
    if (text.size() > 1 && text.front() == '0') {
        return std::nullopt;
    }
    return core::whole_number<std::uint16_t>(text);
}

// Of the one family that the line names.
std::optional<ip::address> address_of(std::string_view text, bool six) {
    boost::system::error_code error;
    ip::address out;
    if (six) {
        out = ip::make_address_v6(text, error);
    } else {
        out = ip::make_address_v4(text, error);
    }
    const bool scoped = text.find('%') != std::string_view::npos;  // no part of the protocol
    return error || scoped ? std::nullopt : std::optional(plain_address(out));
}

template <typename Address>
Address address_from(std::string_view bytes) {
    typename Address::bytes_type raw{};
    std::transform(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(raw.size()), raw.begin(),
                   [](char one) { return static_cast<unsigned char>(one); });
    return Address(raw);
}

}  // namespace

void proxy_header::refuse(std::string_view why) {
    state_ = progress::refused;
    why_ = why;
}

std::size_t proxy_header::feed(std::string_view bytes) {
    std::size_t taken = 0;
    while (taken < bytes.size() && state_ == progress::more) {
        if (skipped_ > 0) {
            const std::size_t step = std::min(skipped_, bytes.size() - taken);
            taken += step;
            skipped_ -= step;
            if (skipped_ == 0) {
                state_ = progress::complete;
            }
        } else {
            take(bytes[taken++]);
        }
    }
    return taken;
}

void proxy_header::take(char byte) {
    kept_[size_++] = byte;
    if (size_ == 1) {
        binary_ = byte == block_start.front();
    }
    const std::string_view start = binary_ ? block_start : line_start;
    if (size_ <= start.size()) {
        if (kept() != start.substr(0, size_)) {
            something_else_ = true;
            refuse("it begins with something else");
        }
    } else if (binary_) {
        take_block_byte();
    } else {
        take_line_byte();
    }
}

void proxy_header::take_line_byte() {
    const std::string_view line = kept();
    const bool after_return = line[line.size() - 2] == '\r';
    if (line.back() == '\n' && after_return) {
        read_line(line.substr(0, line.size() - 2));
    } else if (line.back() == '\n' || after_return) {
        refuse("its line ends with half a line end");
    } else if (line.size() == most_kept) {
        refuse("its line is longer than 107 bytes");
    }
}

// "PROXY TCP4 192.0.2.7 198.51.100.1 5000 443"
void proxy_header::read_line(std::string_view line) {
    constexpr std::size_t words = 6;
    const std::vector<std::string_view> word = core::split(line, ' ');
    if (word[1] == "UNKNOWN") {
        state_ = progress::complete;
        return;
    }
    const bool six = word[1] == "TCP6";
    if (!six && word[1] != "TCP4") {
        refuse("its protocol is none of TCP4, TCP6 and UNKNOWN");
        return;
    }
    if (word.size() != words) {
        refuse("its line has not two addresses and two ports");
        return;
    }
    const auto source = address_of(word[2], six);
    const auto target = address_of(word[3], six);
    const auto source_port = port_of(word[4]);
    const auto target_port = port_of(word[5]);
    if (!source || !target || !source_port || !target_port) {
        refuse("an address or a port in its line is none");
        return;
    }
    client_.emplace(*source, *source_port);
    state_ = progress::complete;
}

void proxy_header::take_block_byte() {
    if (size_ < block_head) {
        return;
    }
    const std::size_t length = byte_at(block_head - 2) * 256 + byte_at(block_head - 1);
    const std::size_t wanted = block_head + std::min(length, addresses_v6);
    if (size_ < wanted) {
        return;
    }
    read_block();
    if (state_ == progress::complete && block_head + length > size_) {
        skipped_ = block_head + length - size_;  // addresses of Unix sockets, and extensions
        state_ = progress::more;
    }
}

void proxy_header::read_block() {
    enum : unsigned { unspecified = 0, inet = 1, inet6 = 2, unix_socket = 3, stream = 1 };
    constexpr unsigned half = 4;  // bits
    constexpr unsigned low = 0xF;
    const unsigned version = byte_at(12) >> half;
    const unsigned command = byte_at(12) & low;
    const unsigned family = byte_at(13) >> half;
    const unsigned transport = byte_at(13) & low;
    if (version != 2 || command > 1) {
        refuse("its version or its command is unknown");
        return;
    }
    state_ = progress::complete;
    if (command == 0 || (family == unspecified && transport == unspecified)) {
        return;
    }
    if (family > unix_socket || transport != stream) {
        refuse("its client is none of TCP, nor of a Unix socket");
        return;
    }
    const std::string_view block = kept().substr(block_head);
    const std::size_t addresses = family == inet ? addresses_v4 : addresses_v6;
    if (family == unix_socket) {
        return;
    }
    if (family == unspecified || block.size() < addresses) {
        refuse("its addresses are cut short");
        return;
    }
    const std::size_t port_at = block_head + addresses - 4;
    const auto port = static_cast<std::uint16_t>(byte_at(port_at) * 256 + byte_at(port_at + 1));
    const ip::address source = family == inet ? ip::address(address_from<ip::address_v4>(block))
                                              : ip::address(address_from<ip::address_v6>(block));
    client_.emplace(plain_address(source), port);
}

}  // namespace corral::http
