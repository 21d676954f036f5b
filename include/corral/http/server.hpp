#pragma once
// HTTP/1.1 and 1.0 listener: bounded headers, bodies and connections, keep-alive, one read always pending on
// each connection so that a client that goes is noticed at once (docs/facts/platform_traps.md#client-gone).
// With or without TLS.

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "corral/core/result.hpp"
#include "corral/core/task_group.hpp"
#include "corral/core/time.hpp"
#include "corral/core/worker.hpp"
#include "corral/http/ip_network.hpp"
#include "corral/http/message.hpp"
#include "corral/http/router.hpp"
#include "corral/http/tls.hpp"

namespace corral::http {

struct server_options {
    std::size_t max_header_bytes = 32 * 1024;
    std::size_t max_body_bytes = 16 * 1024 * 1024;           // 413 beyond
    std::size_t max_buffered_body_bytes = 64 * 1024 * 1024;  // over all connections, in shares; 503 beyond
    std::size_t max_connections = 4096;                      // beyond it one yields
    core::seconds header_timeout{15};     // from the first byte of a request to the end of its header
    core::seconds body_timeout{60};       // silence within a body; for all of it a floor rate counts too
    core::seconds idle_timeout{120};      // keep-alive connection without a request
    core::seconds write_stall{30};        // a write not taken for this long: the client is gone
    core::seconds handshake_timeout{10};  // TLS, from the connection's first moment
    std::size_t max_handshakes = 256;     // unfinished ones; beyond it one yields
    // Leaves the last descriptors to the rest of the program, of which a server for its own children is a part.
    bool spares_descriptors = true;
    // From these each connection must begin with a header of the PROXY protocol, version 1 or 2, before TLS and within
    // handshake_timeout; elsewhere such a header is no HTTP. What it says of the client counts from then on.
    std::vector<ip_network> proxies;
};

// Descriptors that are no connection's, of `limit` that the process may have: for starts, logs and state.
[[nodiscard]] std::size_t descriptor_reserve(std::size_t limit) noexcept;

// A connection between two requests. The descriptor is owned by whoever gets one of these.
struct kept_connection {
    int socket = -1;
    std::optional<boost::asio::ip::tcp::endpoint> announced;  // its client, where a proxy passes it on
};

struct server_stats {
    std::size_t connections = 0;  // open now
    std::size_t exchanges = 0;    // handlers running now
    std::uint64_t answered = 0;   // handlers that have run
};

class server {
public:
    // `serve` gets every well-formed request; malformed ones are answered here (400, 413, 431, 501, 505) with
    // a JSON body {"error":"..."}. An exception out of `serve` becomes a 500 (or a cut connection once begun)
    // and goes to `log_error`.
    server(core::executor on, server_options options, handler serve,
           std::function<void(std::string)> log_error);
    ~server();

    // Binds and listens (SO_REUSEADDR, never SO_REUSEPORT, close-on-exec). Port 0 asks the kernel. Fails with
    // a sentence that names the address.
    [[nodiscard]] core::result<boost::asio::ip::tcp::endpoint> listen(
        const boost::asio::ip::tcp::endpoint& where);

    // Large bodies that were served are given back to the system there: that takes milliseconds. REQUIRES: it outlives
    // this.
    void free_with(core::worker& elsewhere);

    // What an operator should know of connections that were refused goes there, a line a minute; else to `log_error`.
    void warn_with(std::function<void(core::reason)> log_warning);

    // Connections accepted from now on speak TLS and show these; those that are open keep what they have.
    void use_tls(tls_credentials credentials);

    // The same at a socket that was bound by somebody else: a service manager, or an earlier image of this
    // process. Taken over when it succeeds; fails for what is no listening TCP socket.
    [[nodiscard]] core::result<boost::asio::ip::tcp::endpoint> listen_on(int inherited);
    // The same at a Unix socket that listens, taken over when it succeeds. Its requests say `over_unix`: whoever serves
    // them asks the kernel who is behind `socket`. It replaces all listeners before it; start() begins with it, again
    // where it was called.
    [[nodiscard]] core::result<void> listen_at_unix(int bound);
    // Descriptors of the listeners; they stay the server's.
    [[nodiscard]] std::vector<int> listeners() const;

    // Without it the body is {"error":"..."}.
    void refuse_with(refusal_writer write);

    // Asked of each new connection before a byte of it is read; false: it is closed without a word. `socket`
    // stays the server's, and may be closed while the question is open.
    using admission = std::function<core::awaitable<bool>(int socket)>;
    void admit_with(admission ask);

    // Requests whose handling has not begun go to `serve`; those under way stay with the handler they have,
    // which must keep itself alive for them. `judge` is asked before a body is read; without it all are.
    void serve_with(handler serve, head_judge judge = {});

    // Limits and times for what begins from now on; `max_handshakes` stays as it was.
    void adjust(const server_options& with);

    // Starts accepting on every listener. Where connections or descriptors are full one that does nothing yields, of
    // the address or key that holds most; the last places are for clients of this machine, the last descriptors for
    // the rest of the program (descriptor_reserve). On EMFILE/ENFILE accepting pauses for 100 ms
    // (docs/facts/platform_traps.md#descriptor-limit).
    void start();

    // Closes the listeners and idle connections; running exchanges go on and close after their answer.
    void stop_accepting();

    // Takes no new connection and no new request, and drops none: those to come wait in the listen
    // backlog, and plain connections between two requests are kept aside, now and after each answer. TLS ones
    // end there, for their keys can't be handed on. stats().connections counts what is still at work.
    void pause();
    // Undoes pause().
    void resume();
    // The connections kept aside; their descriptors stay the server's.
    [[nodiscard]] const std::vector<kept_connection>& kept_aside() const;
    // Goes on with a connection between two requests that an earlier image of this process kept aside. Takes
    // it over, or closes it. A header of the PROXY protocol is not awaited any more.
    void adopt_connection(const kept_connection& one);

    // True when every connection ended before `until`.
    [[nodiscard]] core::awaitable<bool> wait_idle(core::deadline until);

    // Cancels every exchange and closes every connection.
    void close_all();

    [[nodiscard]] server_stats stats() const noexcept;

private:
    struct impl;
    std::shared_ptr<impl> impl_;
};

}  // namespace corral::http
