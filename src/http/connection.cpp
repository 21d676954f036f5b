#include "connection.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include "listener.hpp"

namespace corral::http {

namespace {

constexpr std::size_t stall_window = 64 * 1024;  // bytes that must be taken within one stall limit
constexpr std::size_t at_once = 64 * 1024;       // bytes that are sent before others have a turn of the loop
constexpr std::size_t keep_capacity = 1024;      // an empty inbox keeps no more
constexpr core::milliseconds end_look_pause{500};
// Bytes in the socket behind a full inbox, for so many looks. The end of a client that has left more may never arrive: its
// system keeps both until there is room.
constexpr int most_unread = 32 * 1024;
constexpr unsigned most_looks = 10;

bool all_sent(const gather& parts) {
    return std::all_of(parts.begin(), parts.end(), [](std::string_view part) { return part.empty(); });
}

gather front(gather parts, std::size_t bytes) {
    for (auto& part : parts) {
        part = part.substr(0, bytes);
        bytes -= part.size();
    }
    return parts;
}

void drop_front(gather& parts, std::size_t bytes) {
    for (auto& part : parts) {
        const std::size_t cut = std::min(bytes, part.size());
        part.remove_prefix(cut);
        bytes -= cut;
    }
}

core::deadline from_now(core::nanoseconds span) {
    return core::deadline::after(span, std::chrono::steady_clock::now());
}

}  // namespace

connection::connection(stream_socket socket, core::asio::ip::tcp::endpoint peer, connection_options options)
    : socket_(std::move(socket)),
      peer_(std::move(peer)),
      options_(std::move(options)),
      transport_(options_.tls ? make_tls_transport(socket_, *options_.tls) : make_plain_transport(socket_)),
      input_timer_(socket_.get_executor()),
      stall_timer_(socket_.get_executor()),
      awaits_header_(options_.announced) {}

void connection::join(connection_crowd& all, std::string share) {
    share_ = std::move(share);
    place_.emplace(all, *this, share_, standing_, std::chrono::steady_clock::now());
}

void connection::belongs_to(std::string owner) {
    if (place_ && owner != share_) {
        place_->move_to(owner);
        share_ = std::move(owner);
    }
}

void connection::stand(standing how) {
    standing_ = how;
    if (place_ && place_->how() != how) {
        place_->stand(how, std::chrono::steady_clock::now());
    }
}

core::awaitable<opening> connection::open(core::deadline until, share_turns& turns,
                                          connection_crowd& unfinished) {
    const auto self = shared_from_this();
    transfer last;
    if (options_.tls) {
        handshake_.emplace(unfinished, *this, share_, standing::opening, std::chrono::steady_clock::now());
        arm_stall(until);
        last = co_await open_steps(turns);
        handshake_.reset();
        disarm_stall();
    } else {
        last = transport_->open();
    }
    if (error_) {
        co_return opening::failed;
    }
    if (last.kind == transfer_kind::moved) {
        co_return opening::ready;
    }
    const bool plain = transport_->met_plain_http();
    transport_ = make_plain_transport(socket_);
    co_return plain ? opening::plain_http : opening::failed;
}

// The first step too waits for its turn: where the client's hello is there already, it is the costliest. Those that
// follow a client's answer go before hellos of the same share, so a flood of hellos delays a handshake once.
core::awaitable<transfer> connection::open_steps(share_turns& turns) {
    transfer step{transfer_kind::want_read, 0, {}};
    auto where = share_turns::entry::behind;
    while (!error_ && (step.kind == transfer_kind::want_read || step.kind == transfer_kind::want_write)) {
        const bool reads = step.kind == transfer_kind::want_read;
        co_await wait_ready(reads ? wait_type::wait_read : wait_type::wait_write);
        if (error_) {
            break;
        }
        handshake_->stand(standing::stalled, std::chrono::steady_clock::now());
        co_await turns.wait(share_, input_timer_, std::exchange(where, share_turns::entry::before));
        if (!error_) {
            const core::steady_time begin = std::chrono::steady_clock::now();
            handshake_->stand(standing::opening, begin);
            step = transport_->open();
            turns.took(std::chrono::steady_clock::now() - begin);
        }
    }
    co_return step;
}

// Until the socket is ready or the connection failed.
core::awaitable<void> connection::wait_ready(wait_type what) {
    const auto [wait_error] = co_await socket_.async_wait(what, core::as_result);
    if (wait_error && !error_) {
        // Also when only the waiting one was cancelled: half a chunk may be out, so the stream is spoilt.
        fail_write(wait_error);
    }
}

core::awaitable<bool> connection::read_proxy_header(core::deadline until, proxy_header& header) {
    const auto self = shared_from_this();
    arm_stall(until);
    while (!error_ && header.state() == proxy_header::progress::more) {
        co_await wait_ready(wait_type::wait_read);
        if (!error_ && !take_header_bytes(header)) {
            end(core::asio::error::eof);
        }
    }
    disarm_stall();
    awaits_header_ = false;
    if (error_ || header.state() != proxy_header::progress::complete) {
        co_return false;
    }
    relay_for(header.client());
    co_return true;
}

// False: nothing more will come. What is behind the header stays in the socket, for TLS or the parser of requests.
bool connection::take_header_bytes(proxy_header& header) {
    std::array<char, 1024> scratch;
    const auto there =
        ::recv(socket_.native_handle(), scratch.data(), scratch.size(), MSG_DONTWAIT | MSG_PEEK);
    if (there <= 0) {
        return there < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
    }
    const std::size_t used = header.feed({scratch.data(), static_cast<std::size_t>(there)});
    const auto taken = ::recv(socket_.native_handle(), scratch.data(), used, MSG_DONTWAIT);
    return taken >= 0 && static_cast<std::size_t>(taken) == used;
}

void connection::relay_for(const std::optional<core::asio::ip::tcp::endpoint>& client) {
    relayed_ = true;
    if (client) {
        peer_ = *client;
        belongs_to(share_of(client->address(), local_address(socket_.native_handle())));
    }
}

void connection::start_reading() {
    arm_read();
}

void connection::arm_read(wait_type what) {
    if (reading_ || ended_ || !socket_.is_open()) {
        return;
    }
    if (inbox_full()) {
        look_for_end();
        return;
    }
    reading_ = true;
    auto then = [self = shared_from_this()](const core::error_code& error) {
        self->reading_ = false;
        self->on_readable(error);
    };
    if (transport_->holds_bytes()) {
        core::asio::post(socket_.get_executor(), [then] { then(core::error_code{}); });
    } else {
        socket_.async_wait(what, then);
    }
}

void connection::on_readable(const core::error_code& wait_error) {
    if (ended_ || !socket_.is_open()) {
        return;
    }
    if (wait_error) {
        on_input_end(wait_error);
        return;
    }
    if (inbox_full() && !discarding_) {
        return;  // it was made smaller meanwhile; consume() reads on
    }
    // One buffer for all connections' reads costs an idle one nothing.
    std::array<char, 64 * 1024> scratch;
    const std::size_t room = discarding_ ? scratch.size() : inbox_bytes_ - inbox().size();
    const transfer got = transport_->receive(std::span(scratch).first(std::min(room, scratch.size())));
    switch (got.kind) {
        case transfer_kind::moved:
            take_input({scratch.data(), got.bytes});
            break;
        case transfer_kind::ended:
            on_input_end(core::asio::error::eof);
            break;
        case transfer_kind::failed:
            on_input_end(got.error);
            break;
        case transfer_kind::want_read:
        case transfer_kind::want_write:
            break;
    }
    const bool piece_by_piece =
        discarding_ && got.kind == transfer_kind::moved;  // the next is asked for by consume()
    if (!piece_by_piece) {
        arm_read(got.kind == transfer_kind::want_write ? wait_type::wait_write : wait_type::wait_read);
    }
}

void connection::take_input(std::string_view bytes) {
    fresh_ = true;
    if (discarding_) {
        discarded_ += bytes.size();
    } else {
        inbox_.erase(0, taken_);
        taken_ = 0;
        inbox_ += bytes;
    }
    input_timer_.cancel();
}

void connection::on_input_end(const core::error_code& why) {
    ended_ = true;
    input_timer_.cancel();
    if (serving_) {
        end(why);
    }
}

// What a client has sent behind its request may fill the inbox. Then nothing waits on the socket, whose end must free the
// runtime all the same. No client of today sends requests before the answer to the last.
void connection::look_for_end() {
    if (looking_ || !serving_ || ended_) {
        return;
    }
    looking_ = true;
    input_timer_.expires_after(end_look_pause);
    input_timer_.async_wait([self = shared_from_this()](const core::error_code&) {
        self->looking_ = false;
        if (!self->serving_ || self->ended_ || !self->socket_.is_open() || !self->inbox_full()) {
            return;
        }
        const int handle = self->socket_.native_handle();
        pollfd state{handle, POLLRDHUP, 0};
        int unread = 0;
        const bool long_enough = ++self->looks_ >= most_looks;
        if (::poll(&state, 1, 0) > 0 ||
            (long_enough && ::ioctl(handle, FIONREAD, &unread) == 0 && unread > most_unread)) {
            self->on_input_end(core::asio::error::eof);
        } else {
            self->look_for_end();
        }
    });
}

void connection::size_inbox(std::size_t bytes) {
    inbox_bytes_ = bytes;
    arm_read();
}

void connection::consume(std::size_t count) {
    fresh_ = false;
    taken_ += count;
    if (taken_ == inbox_.size()) {
        taken_ = 0;
        inbox_.clear();
        if (inbox_.capacity() > keep_capacity) {
            inbox_.shrink_to_fit();
        }
    }
    arm_read();
}

core::awaitable<arrival> connection::wait_input(core::deadline until) {
    if (!fresh_ && !ended_) {
        input_timer_.expires_at(until.at());
        co_await input_timer_.async_wait(core::as_result);
    }
    if (fresh_) {
        co_return arrival::bytes;
    }
    co_return ended_ ? arrival::ended : arrival::timed_out;
}

core::awaitable<void> connection::wait_turn(share_turns& among) {
    if (!ended_ && !among.passes()) {
        co_await among.wait(share_, input_timer_);
    }
}

core::awaitable<core::error_code> connection::write(gather parts) {
    if (error_) {
        co_return error_;
    }
    const auto self = shared_from_this();
    // A reader as fast as we are would otherwise keep the loop's thread to itself.
    constexpr unsigned most_unsuspended = 32;
    if (++unsuspended_writes_ > most_unsuspended) {
        unsuspended_writes_ = 0;
        co_await core::asio::post(socket_.get_executor(), core::as_result);
    }
    std::size_t window = stall_window;
    bool blocked = false;
    while (!error_ && !all_sent(parts)) {
        const transfer step = transport_->send(front(parts, at_once));
        if (step.kind == transfer_kind::moved) {
            window += step.bytes;
            drop_front(parts, step.bytes);
            if (!all_sent(parts)) {
                co_await core::asio::post(socket_.get_executor(), core::as_result);
            }
            continue;
        }
        if (step.kind != transfer_kind::want_read && step.kind != transfer_kind::want_write) {
            fail_write(step.error ? step.error : core::asio::error::broken_pipe);
            break;
        }
        if (window >= stall_window) {
            window = 0;
            arm_stall(from_now(options_.write_stall));
        }
        unsuspended_writes_ = 0;
        const bool reads = step.kind == transfer_kind::want_read;
        blocked = true;
        stand(standing_ == standing::busy ? standing::stalled : standing_);
        co_await wait_ready(reads ? wait_type::wait_read : wait_type::wait_write);
    }
    disarm_stall();
    if (!blocked && standing_ == standing::stalled) {
        stand(standing::busy);  // it keeps up again: one write has gone without a wait
    }
    co_return error_;
}

core::awaitable<void> connection::say_end() {
    const auto self = shared_from_this();
    if (error_) {
        co_return;
    }
    transfer step = transport_->say_end();
    if (step.kind == transfer_kind::want_write) {
        arm_stall(from_now(options_.write_stall));
    }
    while (!error_ && step.kind == transfer_kind::want_write) {
        co_await wait_ready(wait_type::wait_write);
        if (!error_) {
            step = transport_->say_end();
        }
    }
    disarm_stall();
}

void connection::arm_stall(core::deadline until) {
    stall_timer_.expires_at(until.at());
    stall_timer_.async_wait(
        [weak = weak_from_this(), epoch = ++stall_epoch_](const core::error_code& cancelled) {
            const auto self = weak.lock();
            if (!cancelled && self && self->stall_epoch_ == epoch) {
                self->end(core::make_error_code(core::errc::timed_out));
            }
        });
}

void connection::disarm_stall() {
    ++stall_epoch_;
    stall_timer_.cancel();
}

void connection::fail_write(const core::error_code& why) {
    error_ = why;
    ended_ = true;
    input_timer_.cancel();
    close_socket();
    // Not at once: the exchange is running just now, and must first hear of the error.
    cancel_exchange_later();
}

void connection::cancel_exchange_later() {
    if (!serving_) {
        return;
    }
    core::asio::post(socket_.get_executor(), [self = shared_from_this(), exchange = exchange_] {
        if (self->serving_ && self->exchange_ == exchange) {
            if (!self->error_) {
                self->end(core::asio::error::eof);
            } else {
                self->cancel_.emit(core::asio::cancellation_type::terminal);
            }
        }
    });
}

void connection::begin_exchange() {
    serving_ = true;
    looks_ = 0;
    ++exchange_;
    if (ended_) {
        cancel_exchange_later();
    }
    if (inbox_full()) {
        look_for_end();
    }
}

void connection::end_exchange() {
    serving_ = false;
}

void connection::end(const core::error_code& why) {
    if (!error_) {
        error_ = why ? why : core::make_error_code(core::errc::cancelled);
    }
    ended_ = true;
    input_timer_.cancel();
    close_socket();
    if (serving_) {
        cancel_.emit(core::asio::cancellation_type::terminal);
    }
}

// Bytes of a handshake are no request, and come as long as a client likes.
bool connection::has_unread_request() {
    const bool in_handshake = options_.tls && standing_ == standing::opening;
    if (in_handshake || (standing_ != standing::idle && standing_ != standing::opening)) {
        return false;
    }
    char first = 0;
    return ::recv(handle(), &first, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

int connection::give_away() {
    if (options_.tls || awaits_header_ || serving_ || ended_ || error_ || !inbox().empty() ||
        !socket_.is_open()) {
        return -1;
    }
    core::error_code failed;
    const auto handle = socket_.release(failed);
    if (failed) {
        return -1;
    }
    place_.reset();
    handshake_.reset();
    error_ = core::make_error_code(core::errc::cancelled);
    ended_ = true;
    input_timer_.cancel();
    return handle;
}

void connection::reset() {
    core::error_code ignored;
    socket_.set_option(core::asio::socket_base::linger(true, 0), ignored);
    end(core::asio::error::connection_reset);
}

void connection::half_close() {
    core::error_code failed;
    socket_.shutdown(stream_socket::shutdown_send, failed);
    if (failed) {
        end(failed);
        return;
    }
    discarding_ = true;
    consume(inbox().size());
}

void connection::close_socket() {
    place_.reset();
    handshake_.reset();
    core::error_code ignored;  // a socket is closed whatever close() says
    socket_.close(ignored);
}

}  // namespace corral::http
