// What a connection reads, and how it learns that its client has gone.
#include <algorithm>
#include <array>
#include <utility>

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include "connection.hpp"

namespace corral::http {

namespace {

constexpr std::size_t keep_capacity = 1024;  // an empty inbox keeps no more
constexpr core::milliseconds end_look_pause{500};
// Bytes in the socket behind a full inbox, for so many looks. The end of a client that has left more may never arrive: its
// system keeps both until there is room.
constexpr int most_unread = 32 * 1024;
constexpr unsigned most_looks = 10;

}  // namespace

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
    // Who has reset it takes no answer any more: a request that waits for its turn is not served.
    if (serving_ || why != core::asio::error::eof) {
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

}  // namespace corral::http
