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
#include "corral/core/async.hpp"
#include "corral/http/message.hpp"
#include "corral/http/server.hpp"
#include "corral/http/tls.hpp"
#include "request_parser.hpp"

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
    refusal_writer refuse;          // may be empty
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

// How a request is read, within its bounds of size and time.
struct request_reading {
    std::optional<response> refused;  // at the head
    bool client_left = false;
};

// Until `parser` is complete or refused, or the head is. REQUIRES: all outlive the call, here and below.
[[nodiscard]] core::awaitable<request_reading> read_request(session_context& context, connection& on,
                                                            request_parser& parser);

// Until it is the turn of `on` among those whose requests are read.
[[nodiscard]] core::awaitable<void> wait_for_turn(share_turns& among, connection& on);

// response_writer over one connection.
struct exchange_facts {
    bool head_request = false;
    bool http10 = false;
    bool keep_alive = true;  // the client's wish
};

class exchange_writer final : public response_writer {
public:
    // Both references must outlive the writer. `close_after` is asked when an answer begins: true forbids
    // keep-alive.
    exchange_writer(connection& to, exchange_facts facts, date_text& date, const bool& close_after)
        : to_(to), facts_(facts), date_(date), close_after_(close_after) {}

    [[nodiscard]] core::awaitable<core::error_code> send(response whole) override;
    [[nodiscard]] core::awaitable<core::error_code> begin(response_head head) override;
    [[nodiscard]] core::awaitable<core::error_code> write(std::string piece) override;
    [[nodiscard]] core::awaitable<core::error_code> finish() override;
    [[nodiscard]] core::awaitable<core::error_code> finish_with(header_fields trailers) override;
    void cork(bool on) override { corked_ = on; }
    [[nodiscard]] bool started() const noexcept override { return stage_ != stage::fresh; }

    [[nodiscard]] bool finished() const noexcept { return stage_ == stage::finished; }
    // True when the connection can carry another exchange after this one.
    [[nodiscard]] bool reusable() const noexcept { return finished() && facts_.keep_alive && !to_.error(); }
    // Only the connection's end shows this client where the answer ends.
    [[nodiscard]] bool ends_by_close() const noexcept { return framing_ == body_framing::until_close; }

private:
    enum class stage { fresh, streaming, finished };
    [[nodiscard]] std::string open(const response_head& head, body_framing framing, std::size_t length);
    [[nodiscard]] core::awaitable<core::error_code> put(const gather& parts);
    [[nodiscard]] core::awaitable<core::error_code> put_behind_held(gather parts);

    connection& to_;
    exchange_facts facts_;
    date_text& date_;
    const bool& close_after_;
    stage stage_ = stage::fresh;
    bool corked_ = false;
    std::string held_;
    body_framing framing_ = body_framing::length;
};

}  // namespace corral::http
