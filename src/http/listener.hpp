#pragma once
// Listening and accepted sockets, each close-on-exec from its first moment
// (docs/facts/platform_traps.md#inherited-sockets: Asio's are not).

#include <optional>
#include <string>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "corral/core/async.hpp"
#include "corral/core/result.hpp"
#include "transport.hpp"

namespace corral::http {

using listening_socket = core::asio::basic_socket_acceptor<core::asio::generic::stream_protocol>;

[[nodiscard]] core::result<core::asio::ip::tcp::acceptor> open_listener(
    const core::executor& on, const core::asio::ip::tcp::endpoint& where);

// From one that is bound; listens anew, so that its backlog is ours. Takes `inherited` over on success.
[[nodiscard]] core::result<core::asio::ip::tcp::acceptor> adopt_listener(const core::executor& on,
                                                                         int inherited);

// From a Unix socket that listens; takes it over on success.
[[nodiscard]] core::result<listening_socket> adopt_unix_listener(const core::executor& on, int bound);

struct accepted {
    stream_socket socket;
    core::asio::ip::tcp::endpoint
        peer;           // an IPv4 peer of a dual-stack listener as IPv4; of a Unix socket loopback
    std::string share;  // as of share_of()
    bool over_unix = false;
};

// The address of our end; unspecified where there is none.
[[nodiscard]] core::asio::ip::address local_address(int handle);

// Whose connection it is as far as its addresses tell. Of a distant IPv6 peer its network, of which a single client
// has all addresses. All neighbours on ours (the network of `local`, or of the link) count as sixty-four at most, by the
// last number of the address: together they would be one client, and one alone may take any number of addresses. All of
// loopback counts as sixteen at most, likewise, for every user of the machine has millions.
[[nodiscard]] std::string share_of(const core::asio::ip::address& peer, const core::asio::ip::address& local);

// Takes one waiting connection; never blocks. Nothing when none waits or one could not be taken, `error` says
// which.
[[nodiscard]] std::optional<accepted> accept_one(listening_socket& from, core::error_code& error);

// A connection that was accepted before, by its descriptor, which is taken over on success.
[[nodiscard]] std::optional<accepted> adopt_accepted(const core::executor& on, int inherited);

}  // namespace corral::http
