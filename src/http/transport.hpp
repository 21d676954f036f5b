#pragma once
// How a connection's bytes travel over its socket: as they are, or inside TLS. Every call takes or gives what
// goes without waiting and says what to wait for; waiting, deadlines and bounds are the connection's.

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <boost/asio/generic/stream_protocol.hpp>

#include "corral/core/async.hpp"
#include "corral/core/result.hpp"
#include "corral/http/tls.hpp"

namespace corral::http {

// TCP, or a Unix socket of this machine.
using stream_socket = core::asio::generic::stream_protocol::socket;

// Parts of one write, sent together. The memory is the caller's until the write is over.
using gather = std::array<std::string_view, 3>;

enum class transfer_kind {
    moved,       // `bytes` of the caller's data went
    want_read,   // nothing did; again once the socket is readable
    want_write,  // nothing did; again once it is writable
    ended,       // the peer's orderly end
    failed,      // for good
};

struct transfer {
    transfer_kind kind = transfer_kind::moved;
    std::size_t bytes = 0;
    core::error_code error;  // set when failed
};

class transport {
public:
    virtual ~transport() = default;
    // Until it says moved, nothing else may be called.
    [[nodiscard]] virtual transfer open() = 0;
    // After a failed open(): the peer speaks HTTP without TLS.
    [[nodiscard]] virtual bool met_plain_http() const noexcept { return false; }
    // After a failed open(): what was wrong with the peer's certificate, or nothing.
    [[nodiscard]] virtual std::string distrust() const { return {}; }
    // REQUIRES: `into` is not empty.
    [[nodiscard]] virtual transfer receive(std::span<char> into) = 0;
    // True when bytes wait that no readiness of the socket will announce.
    [[nodiscard]] virtual bool holds_bytes() const noexcept { return false; }
    // `parts` are not all empty. Until something moved, later calls must bring the same text.
    [[nodiscard]] virtual transfer send(const gather& parts) = 0;
    // Tells the peer that no more will come; the socket's own end is the caller's.
    [[nodiscard]] virtual transfer say_end() = 0;
};

// `over` must outlive the transport; once it is closed, calls fail.
[[nodiscard]] std::unique_ptr<transport> make_plain_transport(stream_socket& over);
// The server's side; where OpenSSL has no memory for it, open() fails.
[[nodiscard]] std::unique_ptr<transport> make_tls_transport(stream_socket& over, tls_credentials credentials);
// The client's side, as above.
[[nodiscard]] std::unique_ptr<transport> make_tls_transport(stream_socket& over, const tls_peer& peer);

}  // namespace corral::http
