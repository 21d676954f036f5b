#include "connection.hpp"

#include <algorithm>
#include <utility>

#include <sys/socket.h>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

namespace corral::http {

namespace {

constexpr std::size_t stall_window = 64 * 1024;  // bytes that must be taken within one stall limit
constexpr std::size_t at_once = 64 * 1024;       // bytes that are sent before others have a turn of the loop

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
    address_share_ = share_;
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

// Until the socket is ready or the connection failed.
core::awaitable<void> connection::wait_ready(wait_type what) {
    const auto [wait_error] = co_await socket_.async_wait(what, core::as_result);
    if (wait_error && !error_) {
        // Also when only the waiting one was cancelled: half a chunk may be out, so the stream is spoilt.
        fail_write(wait_error);
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
