#pragma once
// The kernel's own list of listening TCP sockets. /proc/net/tcp makes it walk every connection of the
// machine, tens of milliseconds on a busy one; a sock_diag question for listeners alone costs microseconds
// (sock_diag(7)).

#include <optional>
#include <string_view>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "process/ports/tcp_table.hpp"

namespace corral::process {

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
