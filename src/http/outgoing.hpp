#pragma once
// A connection that we open: connecting, sending and reading with one deadline, without exceptions. Shared by
// the call that takes a whole answer and the one that reads it as it comes.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "corral/core/async.hpp"
#include "corral/core/result.hpp"
#include "corral/core/time.hpp"
#include "http/transport.hpp"

namespace corral::http {

// Shared with the timer's handler, which may still be queued when the owner is done.
struct outgoing {
    explicit outgoing(const core::executor& on) : socket(on), timer(on) {}
    stream_socket socket;
    std::unique_ptr<transport> secure;  // over the socket; none: plain
    core::asio::steady_timer timer;
    bool timed_out = false;
    std::uint64_t armed = 0;  // counts deadlines, so that a late one of before has no effect
    core::deadline until;     // that is armed
    bool drained = false;     // the last read took all that was there
};

// Opens and begins to connect; 0 or an errno.
[[nodiscard]] int begin_connect(outgoing& state, const core::asio::ip::tcp::endpoint& to);

// Goes on with a socket that is connected already, and takes it over; 0 or an errno, then it is closed.
[[nodiscard]] int take_connected(outgoing& state, int handle);

// TLS over a connection that was begun. `why`: what was wrong with the certificate, where it was that.
[[nodiscard]] core::awaitable<core::error_code> begin_tls(outgoing& state, const tls_peer& peer,
                                                          std::string& why);

// From then on every wait fails with errc::timed_out, and the connection stays. A new deadline takes the
// place of the last.
void arm_deadline(const std::shared_ptr<outgoing>& state, core::deadline until);
void disarm_deadline(outgoing& state);

// Waits for the socket; a set value is why the wait ended: errc::timed_out, errc::cancelled, the system's.
[[nodiscard]] core::awaitable<core::error_code> wait_ready(outgoing& state, stream_socket::wait_type what);

// A turn of the loop for others, where more is there already: a server that is quicker than we must neither keep the loop
// to itself nor outlast deadline and cancellation. A set value is why not to go on, as above.
[[nodiscard]] core::awaitable<core::error_code> give_way(outgoing& state);

// A server that answers before it has read all ends our sending early: then `cut` is set and this is no
// failure, for its answer still counts.
[[nodiscard]] core::awaitable<core::error_code> send_all(outgoing& state, std::string_view text,
                                                         core::error_code& cut);

enum class read_step { more, wait, end, failed };

// Appends what is there. `error` is set with `failed`. Where the read before took all, it says `wait` without asking: the
// wait notices what has come meanwhile.
[[nodiscard]] read_step read_some(outgoing& state, std::string& into, core::error_code& error);

// The server has neither closed it nor said anything.
[[nodiscard]] bool is_quiet(outgoing& state);
// Bytes that the server's kernel has taken so far, whatever became of the connection since; nothing where ours does not
// say.
[[nodiscard]] std::optional<std::uint64_t> acknowledged_bytes(outgoing& state);
// What is received is acknowledged as soon as it is read. Without that a server that sends head and body apart waits
// 40 ms in between, on every connection that is not new (docs/facts/vendor_ax.md#connections).
void acknowledge_at_once(outgoing& state);

void close(outgoing& state);

}  // namespace corral::http
