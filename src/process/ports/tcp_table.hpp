#pragma once
// The kernel's tables of TCP sockets.

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <sys/types.h>
#include <boost/asio/ip/tcp.hpp>

namespace corral::process {

// Rows of /proc/net/tcp and tcp6.
struct tcp_listener_row {
    std::uint16_t port = 0;
    bool any_address = false;
    bool loopback = false;
    std::uint64_t inode = 0;
    bool elsewhere = false;  // no call to 127.0.0.1 ends there, as far as is known
};

struct tcp_connection_row {
    boost::asio::ip::tcp::endpoint local;
    boost::asio::ip::tcp::endpoint remote;
    std::uint64_t inode = 0;  // 0: no process has it any more
    uid_t user = 0;
    bool connected = false;  // its own end is open
};

// By the kernel's number of a TCP state: established, or with its sending side closed.
[[nodiscard]] bool is_connected(unsigned state) noexcept;

// With the ends of IPv4 where a socket of IPv6 has them; nullopt for lines that are none.
[[nodiscard]] std::optional<tcp_connection_row> parse_tcp_connection(std::string_view line);

// nullopt for headings, sockets in another state than LISTEN, and lines that can't be read.
[[nodiscard]] std::optional<tcp_listener_row> parse_tcp_listener(std::string_view line);

// The kernel's own list of listening TCP sockets. /proc/net/tcp makes it walk every connection of the
// machine, tens of milliseconds on a busy one; a sock_diag question for listeners alone costs microseconds
// (sock_diag(7)).

// IPv4 and IPv6, on `port` alone unless that is 0; nothing when the kernel does not answer the question, for instance
// inside a narrow sandbox.
[[nodiscard]] std::optional<std::vector<tcp_listener_row>> dump_tcp_listeners(std::uint16_t port = 0);

// One datagram of the answer.
enum class dump_end { more, done, failed };
[[nodiscard]] dump_end take_listener_part(std::string_view part, std::vector<tcp_listener_row>& rows);

// The socket with these ends; nothing: there is none, or the kernel does not answer the question.
[[nodiscard]] std::optional<tcp_connection_row> ask_for_connection(
    const boost::asio::ip::tcp::endpoint& local, const boost::asio::ip::tcp::endpoint& remote);

}  // namespace corral::process
