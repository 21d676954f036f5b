#include "process/ports/tcp_table.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include <netinet/tcp.h>

namespace corral::process {

namespace {

constexpr std::string_view listening = "0A";
constexpr std::size_t hex_of_word = 8;
constexpr std::size_t user_column = 7;
constexpr std::size_t inode_column = 9;

struct address {
    std::array<unsigned char, 16> bytes{};
    std::size_t size = 0;
};

template <typename T>
bool to_number(std::string_view text, T& value, int base) {
    const auto end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value, base);
    return error == std::errc{} && stop == end;
}

// The kernel prints each four bytes of network order as one number of its own byte order.
std::optional<address> parse_address(std::string_view hex) {
    address result;
    if (hex.size() != hex_of_word && hex.size() != 4 * hex_of_word) {
        return std::nullopt;
    }
    for (; !hex.empty(); hex.remove_prefix(hex_of_word)) {
        std::uint32_t word = 0;
        if (!to_number(hex.substr(0, hex_of_word), word, 16)) {
            return std::nullopt;
        }
        std::memcpy(result.bytes.data() + result.size, &word, sizeof word);
        result.size += sizeof word;
    }
    return result;
}

bool is_any(const address& where) {
    return std::all_of(where.bytes.begin(), where.bytes.end(), [](unsigned char byte) { return byte == 0; });
}

bool is_loopback(const address& where) {
    constexpr unsigned char net_127 = 127;
    if (where.size == 4) {
        return where.bytes[0] == net_127;
    }
    constexpr std::array<unsigned char, 16> v6_loopback{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    constexpr std::array<unsigned char, 12> v4_mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    return where.bytes == v6_loopback ||
           (std::equal(v4_mapped.begin(), v4_mapped.end(), where.bytes.begin()) &&
            where.bytes[v4_mapped.size()] == net_127);
}

// 127.0.0.1, also as IPv6 writes it.
bool is_home(const address& where) {
    constexpr std::array<unsigned char, 4> home{127, 0, 0, 1};
    const auto last = where.bytes.begin() + static_cast<std::ptrdiff_t>(where.size - home.size());
    return is_loopback(where) && std::equal(home.begin(), home.end(), last);
}

std::string_view take_word(std::string_view& line) {
    const auto begin = std::min(line.find_first_not_of(' '), line.size());
    line.remove_prefix(begin);
    const auto end = std::min(line.find(' '), line.size());
    const std::string_view word = line.substr(0, end);
    line.remove_prefix(end);
    return word;
}

using line_columns = std::array<std::string_view, inode_column + 1>;

line_columns columns_of(std::string_view line) {
    line_columns columns;
    for (std::string_view& column : columns) {
        column = take_word(line);
    }
    return columns;
}

// "0100007F:1F90"
std::optional<boost::asio::ip::tcp::endpoint> parse_end(std::string_view text) {
    const auto colon = text.find(':');
    std::uint16_t port = 0;
    if (colon == std::string_view::npos || !to_number(text.substr(colon + 1), port, 16)) {
        return std::nullopt;
    }
    const auto where = parse_address(text.substr(0, colon));
    constexpr std::array<unsigned char, 12> v4_mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    if (!where) {
        return std::nullopt;
    }
    if (where->size != 4 && !std::equal(v4_mapped.begin(), v4_mapped.end(), where->bytes.begin())) {
        return boost::asio::ip::tcp::endpoint(boost::asio::ip::address_v6(where->bytes), port);
    }
    boost::asio::ip::address_v4::bytes_type bytes{};
    std::copy_n(where->bytes.begin() + static_cast<std::ptrdiff_t>(where->size - bytes.size()), bytes.size(),
                bytes.begin());
    return boost::asio::ip::tcp::endpoint(boost::asio::ip::address_v4(bytes), port);
}

}  // namespace

bool is_connected(unsigned state) noexcept {
    return state == TCP_ESTABLISHED || state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2;
}

std::optional<tcp_connection_row> parse_tcp_connection(std::string_view line) {
    const line_columns columns = columns_of(line);
    const auto local = parse_end(columns[1]);
    const auto remote = parse_end(columns[2]);
    tcp_connection_row row;
    unsigned state = 0;
    if (!local || !remote || !to_number(columns[3], state, 16) ||
        !to_number(columns[user_column], row.user, 10) || !to_number(columns[inode_column], row.inode, 10)) {
        return std::nullopt;
    }
    row.local = *local;
    row.remote = *remote;
    row.connected = is_connected(state);
    return row;
}

std::optional<tcp_listener_row> parse_tcp_listener(std::string_view line) {
    const line_columns columns = columns_of(line);
    const std::string_view local = columns[1];
    const auto colon = local.find(':');
    tcp_listener_row row;
    if (columns[3] != listening || colon == std::string_view::npos ||
        !to_number(local.substr(colon + 1), row.port, 16) ||
        !to_number(columns[inode_column], row.inode, 10)) {
        return std::nullopt;
    }
    const auto where = parse_address(local.substr(0, colon));
    if (!where) {
        return std::nullopt;
    }
    row.any_address = is_any(*where);
    row.loopback = is_loopback(*where);
    row.elsewhere = !row.any_address && !is_home(*where);
    return row;
}

}  // namespace corral::process
