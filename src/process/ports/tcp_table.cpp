#include "process/ports/tcp_table.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "corral/core/owned_fd.hpp"

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

namespace {

constexpr std::size_t buffer_bytes = 32 * 1024;
constexpr int max_parts = 4096;

struct diag_question {
    nlmsghdr header;
    inet_diag_req_v2 body;
};

bool ask(int handle, unsigned char family, std::uint16_t port) {
    diag_question question{};
    question.header.nlmsg_len = sizeof question;
    question.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    question.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    question.body.sdiag_family = family;
    question.body.sdiag_protocol = IPPROTO_TCP;
    question.body.idiag_states = 1U << TCP_LISTEN;
    question.body.id.idiag_sport = htons(port);  // 0: any
    return ::send(handle, &question, sizeof question, 0) == static_cast<ssize_t>(sizeof question);
}

// A socket bound to the loopback interface hears nothing else, whatever its address.
tcp_listener_row confined(tcp_listener_row row, const inet_diag_msg& socket) {
    if (socket.id.idiag_if == 0) {
        return row;
    }
    if (socket.id.idiag_if == ::if_nametoindex("lo")) {
        row.loopback = true;
        row.any_address = false;
    } else {
        row.elsewhere = true;
    }
    return row;
}

// "[::]" that takes no calls of IPv4, by the attributes behind a row.
bool hears_only_v6(std::string_view attributes) {
    while (attributes.size() > sizeof(nlattr)) {
        nlattr head{};
        std::memcpy(&head, attributes.data(), sizeof head);
        if (head.nla_len < sizeof head || head.nla_len > attributes.size()) {
            return false;
        }
        if (head.nla_type == INET_DIAG_SKV6ONLY && head.nla_len > NLA_HDRLEN) {
            return attributes[NLA_HDRLEN] != 0;
        }
        attributes.remove_prefix(std::min<std::size_t>(NLA_ALIGN(head.nla_len), attributes.size()));
    }
    return false;
}

tcp_listener_row row_of(const inet_diag_msg& socket, std::string_view attributes) {
    constexpr unsigned char net_127 = 127;
    tcp_listener_row row;
    row.port = ntohs(socket.id.idiag_sport);
    row.inode = socket.idiag_inode;
    if (socket.idiag_family == AF_INET) {
        const auto address = ntohl(socket.id.idiag_src[0]);
        row.any_address = address == INADDR_ANY;
        row.loopback = address >> 24U == net_127;
        row.elsewhere = address != INADDR_ANY && address != INADDR_LOOPBACK;
        return confined(row, socket);
    }
    in6_addr address{};
    std::memcpy(&address, static_cast<const void*>(socket.id.idiag_src), sizeof address);
    const bool mapped = IN6_IS_ADDR_V4MAPPED(&address);
    row.any_address = IN6_IS_ADDR_UNSPECIFIED(&address);
    row.loopback = IN6_IS_ADDR_LOOPBACK(&address) || (mapped && address.s6_addr[12] == net_127);
    row.elsewhere = row.any_address ? hears_only_v6(attributes)
                                    : !mapped || address.s6_addr32[3] != htonl(INADDR_LOOPBACK);
    return confined(row, socket);
}

// The kernel has the whole answer ready when send() returns, so nothing here waits.
bool collect(int handle, std::vector<tcp_listener_row>& rows) {
    std::array<char, buffer_bytes> buffer{};
    for (int part = 0; part < max_parts; ++part) {
        const ssize_t got = ::recv(handle, buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (got <= 0) {
            return false;
        }
        const dump_end end =
            take_listener_part(std::string_view(buffer.data(), static_cast<std::size_t>(got)), rows);
        if (end != dump_end::more) {
            return end == dump_end::done;
        }
    }
    return false;
}

core::owned_fd open_diagnosis() {
    return core::owned_fd(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
}

void put_address(const boost::asio::ip::address& from, __be32* to) {
    if (from.is_v4()) {
        *to = htonl(from.to_v4().to_uint());
        return;
    }
    const auto bytes = from.to_v6().to_bytes();
    std::memcpy(to, bytes.data(), bytes.size());
}

bool ask(int handle, const boost::asio::ip::tcp::endpoint& local,
         const boost::asio::ip::tcp::endpoint& remote) {
    diag_question question{};
    question.header.nlmsg_len = sizeof question;
    question.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    question.header.nlmsg_flags = NLM_F_REQUEST;
    question.body.sdiag_family = local.address().is_v4() ? AF_INET : AF_INET6;
    question.body.sdiag_protocol = IPPROTO_TCP;
    question.body.idiag_states = ~0U;
    question.body.id.idiag_sport = htons(local.port());
    question.body.id.idiag_dport = htons(remote.port());
    put_address(local.address(), question.body.id.idiag_src);
    put_address(remote.address(), question.body.id.idiag_dst);
    question.body.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
    question.body.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    return ::send(handle, &question, sizeof question, 0) == static_cast<ssize_t>(sizeof question);
}

}  // namespace

dump_end take_listener_part(std::string_view part, std::vector<tcp_listener_row>& rows) {
    while (part.size() >= sizeof(nlmsghdr)) {
        nlmsghdr header{};
        std::memcpy(&header, part.data(), sizeof header);
        if (header.nlmsg_len < sizeof header || header.nlmsg_len > part.size()) {
            return dump_end::failed;
        }
        if (header.nlmsg_type == NLMSG_DONE) {
            return dump_end::done;
        }
        if (header.nlmsg_type != SOCK_DIAG_BY_FAMILY ||
            header.nlmsg_len < NLMSG_HDRLEN + sizeof(inet_diag_msg)) {
            return dump_end::failed;
        }
        inet_diag_msg socket{};
        std::memcpy(&socket, part.data() + NLMSG_HDRLEN, sizeof socket);
        constexpr std::size_t fixed = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof socket);
        const std::string_view whole = part.substr(0, header.nlmsg_len);
        rows.push_back(row_of(socket, whole.substr(std::min(fixed, whole.size()))));
        part.remove_prefix(std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), part.size()));
    }
    return dump_end::more;
}

std::optional<tcp_connection_row> ask_for_connection(const boost::asio::ip::tcp::endpoint& local,
                                                     const boost::asio::ip::tcp::endpoint& remote) {
    const core::owned_fd handle = open_diagnosis();
    if (handle.get() < 0 || local.address().is_v4() != remote.address().is_v4() ||
        !ask(handle.get(), local, remote)) {
        return std::nullopt;
    }
    std::array<char, 1024> answer{};
    const ssize_t got = ::recv(handle.get(), answer.data(), answer.size(), MSG_DONTWAIT);
    nlmsghdr header{};
    inet_diag_msg socket{};
    if (got < static_cast<ssize_t>(NLMSG_HDRLEN + sizeof socket)) {
        return std::nullopt;
    }
    std::memcpy(&header, answer.data(), sizeof header);
    if (header.nlmsg_type != SOCK_DIAG_BY_FAMILY) {
        return std::nullopt;
    }
    std::memcpy(&socket, answer.data() + NLMSG_HDRLEN, sizeof socket);
    return tcp_connection_row{local, remote, socket.idiag_inode, socket.idiag_uid,
                              is_connected(socket.idiag_state)};
}

std::optional<std::vector<tcp_listener_row>> dump_tcp_listeners(std::uint16_t port) {
    const core::owned_fd handle = open_diagnosis();
    std::vector<tcp_listener_row> rows;
    if (handle.get() < 0) {
        return std::nullopt;
    }
    for (const unsigned char family : std::array<unsigned char, 2>{AF_INET, AF_INET6}) {
        if (!ask(handle.get(), family, port) || !collect(handle.get(), rows)) {
            return std::nullopt;
        }
    }
    return rows;
}

}  // namespace corral::process
