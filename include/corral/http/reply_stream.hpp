#pragma once
// One HTTP call whose answer is read as it comes, for servers that stream: on one new connection, or on one that was
// kept. The counterpart of client.hpp, which takes whole answers.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/ip/tcp.hpp>
#include <boost/optional.hpp>

#include "corral/core/async.hpp"
#include "corral/core/owned_fd.hpp"
#include "corral/core/result.hpp"
#include "corral/core/time.hpp"
#include "corral/http/kept_connections.hpp"
#include "corral/http/message.hpp"
#include "corral/http/tls.hpp"

namespace corral::http {

struct stream_call {
    boost::asio::ip::tcp::endpoint to;
    std::shared_ptr<core::owned_fd>
        connected{};   // a Unix socket instead of `to`, taken over; not with `kept`
    std::string host;  // for the Host header; empty: the endpoint
    std::string method = "POST";
    std::string target = "/";
    std::string content_type = "application/json";
    header_fields headers;  // added to Host, Connection: close, Content-Type and Content-Length
    std::string body;
    std::vector<body_insert> inserts;  // what the body lacks, in the order of their places
    std::string preface;  // sent before all else, TLS too: a PROXY header; empty: none; not with `kept`
    std::optional<tls_peer> tls;                    // none: plain; not with `kept`
    core::deadline until;                           // for connect, send, and the head of the answer
    boost::optional<std::uint64_t> max_body_bytes;  // none: no bound
    std::shared_ptr<kept_connections> kept;  // null: the connection is new, and closed behind the answer
    // Asked as the head of the answer is there: true where the program that was meant has ended. Its port may be another's
    // by then, so the call fails like one that was reset. May be empty.
    std::function<bool()> gone{};
};

// The answer, from its head on. Closed by destruction, which a server notices as a client that went; one that was read
// to its end leaves its connection to others, if it may.
class reply_stream {
public:
    // Failures as of call(): timed_out, cancelled, protocol, limit_exceeded (head above 64 KiB, body above its
    // bound), or the system's code. HTTP statuses are not failures. A kept connection that the server closes at this
    // moment is replaced by a new one, unless it may have taken a byte of the request.
    [[nodiscard]] static core::awaitable<core::result<std::unique_ptr<reply_stream>>> open(stream_call call);
    reply_stream(const reply_stream&) = delete;
    reply_stream& operator=(const reply_stream&) = delete;
    ~reply_stream();

    [[nodiscard]] unsigned status() const noexcept;
    [[nodiscard]] const header_fields& headers() const noexcept;
    // Retry-After where it is a number of seconds; an hour at most.
    [[nodiscard]] std::optional<core::seconds> retry_after() const noexcept;
    // Of a field behind the body, once that is complete (RFC 9110 section 6.5); empty: it is not there.
    [[nodiscard]] std::string trailer(std::string_view name) const;

    // The next bytes of the body without its framing (chunked, by length, or until close), as soon as there
    // are any, at most 64 KiB; empty: the body is complete. Failures: timed_out (nothing came before `until`;
    // it may be read again), cancelled (like it), protocol (garbage, or the connection ended in the middle
    // of a chunked or counted body), limit_exceeded. REQUIRES: one read at a time; *this outlives it.
    [[nodiscard]] core::awaitable<core::result<std::string>> read(core::deadline until);
    // A read that goes on, too, waits no longer than this.
    void read_until(core::deadline until);
    // A read that goes on fails; nothing more can be read.
    void hang_up();

private:
    struct state;
    explicit reply_stream(std::shared_ptr<state> s);
    [[nodiscard]] static core::awaitable<core::result<void>> ask(state& now, const stream_call& call,
                                                                 bool fresh);
    std::shared_ptr<state> state_;
};

// The whole body; limit_exceeded when it is longer than `most` bytes.
[[nodiscard]] core::awaitable<core::result<std::string>> read_all(reply_stream& from, std::size_t most,
                                                                  core::deadline until);

// The answer of a port of https to a request without it, as Corral and Go's servers give it.
[[nodiscard]] bool wants_https(unsigned status, std::string_view body);

}  // namespace corral::http
