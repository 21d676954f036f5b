#include "connection.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <sys/socket.h>
#include <sys/uio.h>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

namespace corral::http {

namespace {

constexpr std::size_t stall_window = 64 * 1024;  // bytes that must be taken within one stall limit
constexpr std::size_t keep_capacity = 1024;      // an empty inbox keeps no more

core::error_code last_error() {
    return {errno, boost::system::system_category()};
}

bool would_block(const core::error_code& error) {
    return error == boost::system::errc::operation_would_block ||
           error == boost::system::errc::resource_unavailable_try_again;
}

bool all_sent(const gather& parts) {
    return std::all_of(parts.begin(), parts.end(), [](std::string_view part) { return part.empty(); });
}

}  // namespace

connection::connection(core::asio::ip::tcp::socket socket, core::asio::ip::tcp::endpoint peer,
                       connection_options options)
    : socket_(std::move(socket)),
      peer_(std::move(peer)),
      options_(options),
      input_timer_(socket_.get_executor()),
      stall_timer_(socket_.get_executor()) {}

void connection::start_reading() {
    arm_read();
}

void connection::arm_read() {
    if (reading_ || ended_ || !socket_.is_open() || inbox_full()) {
        return;
    }
    reading_ = true;
    socket_.async_wait(core::asio::ip::tcp::socket::wait_read,
                       [self = shared_from_this()](const core::error_code& error) {
                           self->reading_ = false;
                           self->on_readable(error);
                       });
}

void connection::on_readable(const core::error_code& wait_error) {
    if (ended_ || !socket_.is_open()) {
        return;
    }
    if (wait_error) {
        on_input_end(wait_error);
        return;
    }
    // One buffer for all connections' reads costs an idle one nothing.
    std::array<char, 64 * 1024> scratch;
    const std::size_t room = discarding_ ? scratch.size() : options_.inbox_bytes - inbox().size();
    const auto got =
        ::recv(socket_.native_handle(), scratch.data(), std::min(room, scratch.size()), MSG_DONTWAIT);
    if (got > 0) {
        const auto count = static_cast<std::size_t>(got);
        fresh_ = true;
        if (discarding_) {
            discarded_ += count;
        } else {
            inbox_.erase(0, taken_);
            taken_ = 0;
            inbox_.append(scratch.data(), count);
        }
        input_timer_.cancel();
    } else if (got == 0) {
        on_input_end(core::asio::error::eof);
    } else if (errno != EAGAIN && errno != EINTR) {
        on_input_end(last_error());
    }
    arm_read();
}

void connection::on_input_end(const core::error_code& why) {
    ended_ = true;
    input_timer_.cancel();
    if (serving_) {
        end(why);
    }
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

core::error_code connection::send_some(gather& parts, std::size_t& sent) {
    std::array<iovec, std::tuple_size_v<gather>> pieces{};
    std::size_t count = 0;
    for (const auto part : parts) {
        if (!part.empty()) {
            pieces.at(count++) = {const_cast<char*>(part.data()), part.size()};
        }
    }
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = count;
    const auto done = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (done < 0) {
        return last_error();
    }
    auto left = static_cast<std::size_t>(done);
    sent += left;
    for (auto& part : parts) {
        const std::size_t cut = std::min(left, part.size());
        part.remove_prefix(cut);
        left -= cut;
    }
    return {};
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
    while (!error_ && !all_sent(parts)) {
        std::size_t sent = 0;
        const core::error_code send_error = send_some(parts, sent);
        if (!send_error) {
            window += sent;
            continue;
        }
        if (send_error == boost::system::errc::interrupted) {
            continue;
        }
        if (!would_block(send_error)) {
            fail_write(send_error);
            break;
        }
        if (window >= stall_window) {
            window = 0;
            arm_stall();
        }
        unsuspended_writes_ = 0;
        const auto [wait_error] =
            co_await socket_.async_wait(core::asio::ip::tcp::socket::wait_write, core::as_result);
        if (wait_error && !error_) {
            // Also when only the writer was cancelled: half a chunk may be out, so the stream is spoilt.
            fail_write(wait_error);
        }
    }
    ++stall_epoch_;
    stall_timer_.cancel();
    co_return error_;
}

void connection::arm_stall() {
    stall_timer_.expires_after(options_.write_stall);
    stall_timer_.async_wait(
        [weak = weak_from_this(), epoch = ++stall_epoch_](const core::error_code& cancelled) {
            const auto self = weak.lock();
            if (!cancelled && self && self->stall_epoch_ == epoch) {
                self->end(core::make_error_code(core::errc::timed_out));
            }
        });
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
    ++exchange_;
    if (ended_) {
        cancel_exchange_later();
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

void connection::reset() {
    core::error_code ignored;
    socket_.set_option(core::asio::socket_base::linger(true, 0), ignored);
    end(core::asio::error::connection_reset);
}

void connection::half_close() {
    core::error_code failed;
    socket_.shutdown(core::asio::ip::tcp::socket::shutdown_send, failed);
    if (failed) {
        end(failed);
        return;
    }
    discarding_ = true;
    consume(inbox().size());
}

void connection::close_socket() {
    core::error_code ignored;  // a socket is closed whatever close() says
    socket_.close(ignored);
}

}  // namespace corral::http
