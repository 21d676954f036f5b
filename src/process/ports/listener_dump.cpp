#include "process/ports/listener_dump.hpp"

#include <algorithm>
#include <array>
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
