#pragma once
// What a handler sees of one HTTP exchange: a whole bounded request in, one answer out. No sockets here, so a
// test can stand in for both sides.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "corral/core/async.hpp"
#include "corral/core/result.hpp"
#include "corral/core/time.hpp"

namespace corral::http {

// Header fields in the order they were sent; names compare without case.
class header_fields {
public:
    void add(std::string name, std::string value) { all_.emplace_back(std::move(name), std::move(value)); }
    // In the place of the first of that name, or behind all.
    void set(std::string name, std::string value);
    // First value of that name, or an empty view.
    [[nodiscard]] std::string_view find(std::string_view name) const noexcept;
    [[nodiscard]] bool contains(std::string_view name) const noexcept;
    [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& all() const noexcept {
        return all_;
    }

private:
    std::vector<std::pair<std::string, std::string>> all_;
};

// What a request holds in memory besides its headers. Whoever makes something of its body asks before, and the server
// takes it all back at the request's end.
class memory_charge {
public:
    virtual ~memory_charge() = default;
    // False: there is no room, and nothing was taken.
    [[nodiscard]] virtual bool take(std::size_t bytes) = 0;
    virtual void give_back(std::size_t bytes) = 0;
};

// A long text that belongs into a body before the byte at `at`, without a copy of it.
struct body_insert {
    std::size_t at = 0;
    std::shared_ptr<const std::string> text;  // not null
};

struct request {
    std::string method;  // as sent, e.g. "POST"
    std::string target;  // as sent
    std::string
        path;  // percent-decoded, doubled slashes and a trailing slash removed ("/api//tags/" -> "/api/tags")
    std::string query;      // without '?', not decoded
    unsigned version = 11;  // 10 or 11
    header_fields headers;
    std::string body;  // whole, within server_options::max_body_bytes
    // The client's address; where a proxy passes the connection on, what the PROXY protocol says of it.
    boost::asio::ip::tcp::endpoint peer;
    std::string share{};   // whose connection it is, as far as the addresses tell: one, or a network of them
    bool relayed = false;  // came through such a proxy
    bool over_unix = false;  // came over a Unix socket; `peer` is loopback then
    int socket = -1;         // of its connection, the server's; for questions to the kernel
    core::steady_time arrived;
    std::string client{};  // who asks, for queue and log; set by the handler that identifies callers
    std::string owner{};   // the same where a key says who it is; else empty
    // What who asks may do; as `client`.
    bool may_ask = true;                      // models
    bool may_observe = false;                 // how the box fares
    bool may_operate = false;                 // change what it holds and does
    bool may_pull = false;                    // bring and delete packages
    std::shared_ptr<const void> judgement{};  // what the head judge keeps for its handler
    memory_charge* memory = nullptr;          // the server's; none: there is no bound
};

// Whether it came from a program of this machine, and through no proxy that speaks the PROXY protocol: what that says of
// its client's machine is said of another one.
[[nodiscard]] bool is_local(const request& one);

struct response {
    unsigned status = 200;
    std::string content_type;  // none sent when empty
    header_fields headers;
    std::string body;
};

struct response_head {
    unsigned status = 200;
    std::string content_type;
    header_fields headers;
};

// The answering side of one exchange. Exactly one of send(), or begin() write()* finish(). Every call has the
// server's write deadline; after an error (the client is gone or stalled) further calls return the same error
// and do nothing. When the client goes while the handler runs, the handler's coroutine is cancelled
// (terminal).
class response_writer {
public:
    virtual ~response_writer() = default;
    // A whole answer with Content-Length; for HEAD the body is counted but not sent.
    [[nodiscard]] virtual core::awaitable<core::error_code> send(response whole) = 0;
    // Opens a streamed answer: of the head's Content-Length, else chunked, for HTTP/1.0 ended by closing.
    [[nodiscard]] virtual core::awaitable<core::error_code> begin(response_head head) = 0;
    // From now on begin() and write() keep what they would send, to go out in one packet with the next that is not corked,
    // or with finish(). REQUIRES: whoever corks waits for nothing else before that.
    virtual void cork(bool /*on*/) {}
    // Sends `piece` as one chunk now; returns when the socket has taken it (back-pressure).
    [[nodiscard]] virtual core::awaitable<core::error_code> write(std::string piece) = 0;
    [[nodiscard]] virtual core::awaitable<core::error_code> finish() = 0;
    // finish(), with fields after the body where the framing has room for them (chunks); elsewhere they are
    // dropped. Whoever gives some announces their names in a Trailer field of the head (RFC 9110 §6.5).
    [[nodiscard]] virtual core::awaitable<core::error_code> finish_with(header_fields /*trailers*/) {
        return finish();
    }
    // True once any byte of the answer was handed to the socket.
    [[nodiscard]] virtual bool started() const noexcept = 0;
};

}  // namespace corral::http
