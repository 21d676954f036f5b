#pragma once
// One accepted socket: a read that is always pending into a bounded inbox, writes with a stall limit, and the
// news that the client has gone (docs/facts/platform_traps.md#client-gone). Knows nothing of HTTP, and of TLS
// only that opening and ending may take more than one step.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "corral/core/async.hpp"
#include "corral/core/result.hpp"
#include "corral/core/time.hpp"
#include "crowd.hpp"
#include "proxy_header.hpp"
#include "share_turns.hpp"
#include "transport.hpp"

namespace corral::http {

struct connection_options {
    core::nanoseconds write_stall = core::seconds{30};
    std::optional<tls_credentials> tls;  // nothing: plain
    bool over_unix = false;              // of a Unix socket, whose peer has no address
    bool announced = false;              // it begins with a header of the PROXY protocol
};

[[nodiscard]] inline core::deadline from_now(core::nanoseconds span) {
    return core::deadline::after(span, std::chrono::steady_clock::now());
}

enum class arrival { bytes, ended, timed_out };
enum class opening { ready, plain_http, failed };

class connection;
using connection_crowd = crowd<connection>;

class connection : public std::enable_shared_from_this<connection> {
public:
    connection(stream_socket socket, core::asio::ip::tcp::endpoint peer, connection_options options);

    // Takes a place among all, in the share of its address, until its end.
    void join(connection_crowd& all, std::string share);
    [[nodiscard]] const std::string& share() const noexcept { return share_; }
    // Whose it is as far as its addresses tell, whatever a request says.
    [[nodiscard]] const std::string& address_share() const noexcept { return address_share_; }
    // It has shown whose it is.
    void belongs_to(std::string owner);
    void stand(standing how);
    // A step of its handshake waits for its turn.
    [[nodiscard]] bool awaits_turn() const noexcept {
        return handshake_ && handshake_->how() == standing::stalled;
    }

    // Gets ready to talk, before anything else. Plain connections are at once. plain_http: a client without
    // TLS where it is wanted; what is written from now on goes to it unencrypted. Meanwhile it has a place among
    // `unfinished`; that and `turns` must outlive the call.
    [[nodiscard]] core::awaitable<opening> open(core::deadline until, share_turns& turns,
                                                connection_crowd& unfinished);

    // Reads the header of the PROXY protocol, and not a byte more; must come before open(). Its client is the peer from
    // then on, and the connection stands in that address's share. False: the connection failed, or `header` is refused.
    [[nodiscard]] core::awaitable<bool> read_proxy_header(core::deadline until, proxy_header& header);
    // The same for a connection whose header was read before.
    void relay_for(const std::optional<core::asio::ip::tcp::endpoint>& client);
    [[nodiscard]] bool awaits_proxy_header() const noexcept { return awaits_header_; }
    [[nodiscard]] bool relayed() const noexcept { return relayed_; }

    void start_reading();

    // Bytes that came and were not consumed.
    [[nodiscard]] std::string_view inbox() const noexcept { return std::string_view(inbox_).substr(taken_); }
    static constexpr std::size_t usual_inbox = 64UL * 1024;
    // Reading pauses while that much waits.
    [[nodiscard]] bool inbox_full() const noexcept { return inbox().size() >= inbox_bytes_; }
    [[nodiscard]] std::size_t inbox_bytes() const noexcept { return inbox_bytes_; }
    // For a head that is longer, and is paid for; what has come stays where it is made smaller again.
    void size_inbox(std::size_t bytes);
    // Drops `count` bytes from the front (0 is fine) and reads on if reading had paused.
    void consume(std::size_t count);
    // The peer's end of stream, or an error, was seen: nothing more will come.
    [[nodiscard]] bool ended() const noexcept { return ended_; }
    // Waits until bytes came since the last consume(), or ended(). For one coroutine at a time.
    [[nodiscard]] core::awaitable<arrival> wait_input(core::deadline until);
    // Waits for its turn, or until ended(). Instead of wait_input(), while no read is pending.
    [[nodiscard]] core::awaitable<void> wait_turn(share_turns& among);

    // Sends all parts or fails for good: after an error every write gives that error. Each 64 KiB have
    // write_stall.
    [[nodiscard]] core::awaitable<core::error_code> write(gather parts);
    [[nodiscard]] const core::error_code& error() const noexcept { return error_; }

    // Between these two the end of the client emits a terminal cancellation on slot(). An end seen before is
    // reported as soon as the exchange suspends, so that an answer that needs no waiting still reaches a
    // half-closed client.
    void begin_exchange();
    void end_exchange();
    [[nodiscard]] core::asio::cancellation_slot slot() noexcept { return cancel_.slot(); }

    // Tells the peer that nothing more will come; the socket's own end is left to end() or half_close().
    [[nodiscard]] core::awaitable<void> say_end();
    // Closes at once. `why` becomes the error of all writes.
    void end(const core::error_code& why);
    // Closes with a reset, so that the client can't take what it has for a whole answer.
    void reset();
    // Sends our end of stream and drops whatever comes from now on; discarded() counts it.
    void half_close();
    [[nodiscard]] std::size_t discarded() const noexcept { return discarded_; }

    // Gives its socket away, open and with what was not read yet in it; for this object that is the end. -1
    // where that can't be: TLS, bytes read already, or closed.
    [[nodiscard]] int give_away();

    // No request has begun to come in.
    [[nodiscard]] bool idle() const noexcept {
        return !awaits_header_ && (standing_ == standing::idle || standing_ == standing::opening) &&
               inbox().empty();
    }
    // A request has come and is not read yet: what looks idle is not. A look at the socket.
    [[nodiscard]] bool has_unread_request();
    [[nodiscard]] bool over_unix() const noexcept { return options_.over_unix; }
    [[nodiscard]] bool encrypted() const noexcept { return options_.tls.has_value(); }
    [[nodiscard]] const core::asio::ip::tcp::endpoint& peer() const noexcept { return peer_; }
    [[nodiscard]] int handle() { return socket_.native_handle(); }

private:
    using wait_type = stream_socket::wait_type;
    [[nodiscard]] bool take_header_bytes(proxy_header& header);
    [[nodiscard]] core::awaitable<transfer> open_steps(share_turns& turns);
    void arm_read(wait_type what = wait_type::wait_read);
    void on_readable(const core::error_code& wait_error);
    void take_input(std::string_view bytes);
    void on_input_end(const core::error_code& why);
    void look_for_end();
    void cancel_exchange_later();
    [[nodiscard]] core::awaitable<void> wait_ready(wait_type what);
    void fail_write(const core::error_code& why);
    void arm_stall(core::deadline until);
    void disarm_stall();
    void close_socket();

    stream_socket socket_;
    core::asio::ip::tcp::endpoint peer_;
    connection_options options_;
    std::unique_ptr<transport> transport_;  // borrows socket_
    std::string inbox_;
    std::size_t taken_ = 0;
    std::size_t inbox_bytes_ = usual_inbox;
    std::size_t discarded_ = 0;
    core::asio::steady_timer input_timer_;
    core::asio::steady_timer stall_timer_;
    std::uint64_t stall_epoch_ = 0;
    std::uint64_t exchange_ = 0;
    unsigned unsuspended_writes_ = 0;
    core::asio::cancellation_signal cancel_;
    core::error_code error_;
    std::string share_;
    std::string address_share_;
    std::optional<connection_crowd::place> place_;      // while the socket is open
    std::optional<connection_crowd::place> handshake_;  // while that is unfinished
    standing standing_ = standing::opening;
    bool awaits_header_ = false;
    bool relayed_ = false;
    bool reading_ = false;
    bool looking_ = false;  // for the end of a client that is not read
    unsigned looks_ = 0;    // in this exchange
    bool fresh_ = false;
    bool ended_ = false;
    bool serving_ = false;
    bool discarding_ = false;
};

}  // namespace corral::http
