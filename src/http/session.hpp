#pragma once
// The life of one connection: wait, read a request, serve it, again.

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "answer_format.hpp"
#include "body_budget.hpp"
#include "connection.hpp"
#include "corral/http/server.hpp"
#include "corral/http/tls.hpp"

namespace corral::http {

// What all sessions of one server share.
struct session_context {
    session_context(const core::executor& on, server_options wanted, handler answer,
                    std::function<void(std::string)> log)
        : options(wanted),
          serve(std::move(answer)),
          log_error(std::move(log)),
          log_warning(log_error),
          bodies(options.max_buffered_body_bytes, options.max_body_bytes),
          turns(std::make_shared<share_turns>(on)),
          requests(std::make_shared<share_turns>(on, share_turns::spacing::by_round)),
          discards(std::make_shared<share_turns>(on)) {}

    // Whether connections from there begin with a header of the PROXY protocol.
    [[nodiscard]] bool is_proxy(const core::asio::ip::address& from) const {
        return std::ranges::any_of(options.proxies,
                                   [&](const ip_network& one) { return one.contains(from); });
    }

    server_options options;
    handler serve;
    head_judge judge;  // may be empty
    std::function<void(std::string)> log_error;
    std::function<void(core::reason)> log_warning;
    server::refusal_writer refuse;  // may be empty
    server::admission admit;        // may be empty
    core::worker* frees = nullptr;  // absent: the loop does it
    body_budget bodies;
    connection_crowd clients;
    connection_crowd handshakes;            // those of them that have not finished theirs
    std::shared_ptr<share_turns> turns;     // of handshakes
    std::shared_ptr<share_turns> requests;  // of what is read and not served yet
    std::shared_ptr<share_turns> discards;  // of pieces of unwanted bodies
    std::optional<tls_credentials> tls;     // for connections to come; nothing: plain
    date_text date;
    std::optional<core::steady_time> header_warned;  // the last complaint about a proxy
    std::size_t exchanges = 0;
    std::uint64_t answered = 0;  // handlers that have run
    bool stopping = false;       // no exchange is followed by another
    // No exchange begins; connections between two are given to `keep_aside`, which says whether it took it.
    bool paused = false;
    bool closes_tls = false;  // stopping, or paused
    std::function<bool(connection&)> keep_aside;
};

// Ends when the connection has; the socket is closed then. Must be spawned with `on->slot()`.
[[nodiscard]] core::awaitable<void> run_session(std::shared_ptr<session_context> context,
                                                std::shared_ptr<connection> on);

}  // namespace corral::http
