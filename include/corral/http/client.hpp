#pragma once
// One HTTP call on one new connection with `Connection: close`: Axera's server loses time or stops altogether with
// anything else (docs/facts/vendor_ax.md#connections). For others there are kept connections.

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/ip/tcp.hpp>

#include "corral/core/result.hpp"
#include "corral/core/time.hpp"
#include "corral/http/kept_connections.hpp"
#include "corral/http/message.hpp"

namespace corral::http {

struct client_call {
    boost::asio::ip::tcp::endpoint to;
    std::string method = "GET";
    std::string target = "/";
    std::string content_type;  // sent with a body
    std::string body;          // Content-Length is sent when not empty or the method is POST
    core::deadline until;      // for everything: connect, send, whole answer
    std::size_t max_reply_bytes = 4 * 1024 * 1024;
    std::shared_ptr<kept_connections> kept{};  // as stream_call has it
    std::function<bool()> gone{};              // as stream_call has it
};

struct client_reply {
    unsigned status = 0;
    std::string body;
};

// Performs the call. Failures: errc::timed_out (deadline), errc::cancelled, errc::protocol (garbage or a cut
// answer), errc::limit_exceeded (reply too long), or the system's code (connection_refused ...). HTTP
// statuses are not failures. A cancelled or failed call may still have been carried out by the peer.
[[nodiscard]] core::awaitable<core::result<client_reply>> call(client_call what);

// "http://127.0.0.1:8000" -> endpoint; only http, an IP literal or "localhost", and an explicit port.
[[nodiscard]] core::result<boost::asio::ip::tcp::endpoint> parse_http_url(std::string_view url);

}  // namespace corral::http
