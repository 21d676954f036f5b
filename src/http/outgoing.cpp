#include "http/outgoing.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <span>
#include <utility>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/post.hpp>

namespace corral::http {

using core::asio::ip::tcp;

namespace {

// A server that answers before it has read all ends our sending early; its answer still counts.
bool may_have_answered(int value) {
    return value == EPIPE || value == ECONNRESET;
}

read_step read_secure(outgoing& state, std::span<char> scratch, std::string& into, core::error_code& error) {
    const transfer got = state.secure->receive(scratch);
    switch (got.kind) {
        case transfer_kind::moved:
            into.append(scratch.data(), got.bytes);
            return read_step::more;
        case transfer_kind::want_read:
        case transfer_kind::want_write:
            return read_step::wait;
        case transfer_kind::ended:
            return read_step::end;
        case transfer_kind::failed:
            break;
    }
    // Many servers close without a word of TLS; whether the answer is whole, its own framing says.
    error = got.error;
    return error == core::asio::error::eof ? read_step::end : read_step::failed;
}

stream_socket::wait_type wait_of(transfer_kind kind) {
    return kind == transfer_kind::want_read ? stream_socket::wait_read : stream_socket::wait_write;
}

core::awaitable<core::error_code> send_secure(outgoing& state, std::string_view text, core::error_code& cut) {
    while (!text.empty()) {
        const transfer sent = state.secure->send({text, {}, {}});
        if (sent.kind == transfer_kind::moved) {
            text.remove_prefix(sent.bytes);
            continue;
        }
        if (sent.kind == transfer_kind::failed || sent.kind == transfer_kind::ended) {
            if (may_have_answered(sent.error.value())) {
                cut = sent.error;
                co_return core::error_code{};
            }
            co_return sent.error;
        }
        const core::error_code stopped = co_await wait_ready(state, wait_of(sent.kind));
        if (stopped) {
            co_return stopped;
        }
    }
    co_return core::error_code{};
}

core::error_code why_stopped(const outgoing& state, const core::asio::cancellation_state& asked) {
    if (state.timed_out) {
        return core::make_error_code(core::errc::timed_out);
    }
    if (asked.cancelled() != core::asio::cancellation_type::none) {
        return core::make_error_code(core::errc::cancelled);
    }
    return {};
}

}  // namespace

int begin_connect(outgoing& state, const tcp::endpoint& to) {
    const int family = to.address().is_v6() ? AF_INET6 : AF_INET;
    const int handle = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
    if (handle < 0) {
        return errno;
    }
    core::error_code error;
    state.socket.assign(to.protocol(), handle, error);
    if (error) {
        ::close(handle);
        return error.value();
    }
    if (::connect(handle, to.data(), static_cast<socklen_t>(to.size())) == 0 || errno == EINPROGRESS) {
        return 0;
    }
    return errno;
}

int take_connected(outgoing& state, int handle) {
    core::error_code error;
    const int flags = ::fcntl(handle, F_GETFL);
    if (flags < 0 || ::fcntl(handle, F_SETFL, flags | O_NONBLOCK) != 0) {
        error = {errno, boost::system::system_category()};
    } else {
        state.socket.assign(core::asio::generic::stream_protocol(AF_UNIX, 0), handle, error);
    }
    if (error) {
        ::close(handle);
    }
    return error.value();
}

core::awaitable<core::error_code> begin_tls(outgoing& state, const tls_peer& peer, std::string& why) {
    state.secure = make_tls_transport(state.socket, peer);
    const core::error_code connected = co_await wait_ready(state, stream_socket::wait_write);
    core::error_code stopped = connected;
    while (!stopped) {
        const transfer opened = state.secure->open();
        if (opened.kind == transfer_kind::moved) {
            break;
        }
        if (opened.kind == transfer_kind::failed || opened.kind == transfer_kind::ended) {
            why = state.secure->distrust();
            co_return opened.error ? opened.error : core::make_error_code(core::errc::protocol);
        }
        stopped = co_await wait_ready(state, wait_of(opened.kind));
    }
    co_return stopped;
}

void arm_deadline(const std::shared_ptr<outgoing>& state, core::deadline until) {
    disarm_deadline(*state);
    state->until = until;
    if (!until.reachable()) {
        return;
    }
    state->timer.expires_at(until.at());
    state->timer.async_wait([state, mine = state->armed](const core::error_code& cancelled) {
        if (!cancelled && mine == state->armed) {
            state->timed_out = true;
            core::error_code ignored;  // nothing to cancel is no failure
            state->socket.cancel(ignored);
        }
    });
}

void disarm_deadline(outgoing& state) {
    ++state.armed;
    state.timed_out = false;
    state.until = {};
    state.timer.cancel();
}

core::awaitable<core::error_code> wait_ready(outgoing& state, stream_socket::wait_type what) {
    if (state.timed_out) {
        co_return core::make_error_code(core::errc::timed_out);
    }
    const auto [error] = co_await state.socket.async_wait(what, core::as_result);
    const core::asio::cancellation_state asked = co_await core::asio::this_coro::cancellation_state;
    const core::error_code stopped = why_stopped(state, asked);
    co_return stopped ? stopped : error;
}

core::awaitable<core::error_code> give_way(outgoing& state) {
    co_await core::asio::post(state.socket.get_executor(), core::as_result);
    const core::asio::cancellation_state asked = co_await core::asio::this_coro::cancellation_state;
    co_return why_stopped(state, asked);
}

// Sends without waiting first: on loopback the connection stands as soon as connect() returns.
core::awaitable<core::error_code> send_all(outgoing& state, std::string_view text, core::error_code& cut) {
    if (state.secure != nullptr) {
        const core::error_code stopped = co_await send_secure(state, text, cut);
        co_return stopped;
    }
    constexpr std::size_t at_once = 256UL * 1024;  // then others have a turn of the loop
    while (!text.empty()) {
        const auto sent = ::send(state.socket.native_handle(), text.data(), std::min(text.size(), at_once),
                                 MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            text.remove_prefix(static_cast<std::size_t>(sent));
            if (text.empty()) {
                break;
            }
            const core::error_code stopped = co_await wait_ready(state, stream_socket::wait_write);
            if (stopped) {
                co_return stopped;
            }
            continue;
        }
        const int value = errno;
        if (value == EINTR) {
            continue;
        }
        if (may_have_answered(value)) {
            cut = {value, boost::system::system_category()};
            co_return core::error_code{};
        }
        if (value != EAGAIN && value != ENOTCONN) {
            co_return core::error_code(value, boost::system::system_category());
        }
        const core::error_code error = co_await wait_ready(state, stream_socket::wait_write);
        if (error) {
            co_return error;
        }
    }
    co_return core::error_code{};
}

read_step read_some(outgoing& state, std::string& into, core::error_code& error) {
    std::array<char, 8 * 1024> scratch;  // a piece is acted on in one go
    if (state.secure != nullptr) {
        return read_secure(state, scratch, into, error);
    }
    if (std::exchange(state.drained, false)) {
        return read_step::wait;
    }
    const auto got = ::recv(state.socket.native_handle(), scratch.data(), scratch.size(), MSG_DONTWAIT);
    if (got > 0) {
        into.append(scratch.data(), static_cast<std::size_t>(got));
        state.drained = static_cast<std::size_t>(got) < scratch.size();
        return read_step::more;
    }
    if (got == 0) {
        return read_step::end;
    }
    if (errno == EAGAIN || errno == EINTR) {
        return read_step::wait;
    }
    error = {errno, boost::system::system_category()};
    return read_step::failed;
}

bool is_quiet(outgoing& state) {
    char first = 0;
    const auto got = ::recv(state.socket.native_handle(), &first, 1, MSG_PEEK | MSG_DONTWAIT);
    return got < 0 && errno == EAGAIN;
}

std::optional<std::uint64_t> acknowledged_bytes(outgoing& state) {
    // tcpi_bytes_acked of the kernel's tcp_info: the C library's ends before it, and their headers exclude each other.
    constexpr std::size_t place = 120;
    std::array<std::byte, place + sizeof(std::uint64_t)> info{};
    socklen_t length = info.size();
    if (::getsockopt(state.socket.native_handle(), IPPROTO_TCP, TCP_INFO, info.data(), &length) != 0 ||
        length < info.size()) {
        return std::nullopt;
    }
    std::uint64_t out = 0;
    std::memcpy(&out, info.data() + place, sizeof out);
    return out;
}

void acknowledge_at_once(outgoing& state) {
    const int yes = 1;  // a failure costs time alone
    ::setsockopt(state.socket.native_handle(), IPPROTO_TCP, TCP_QUICKACK, &yes, sizeof yes);
}

void close(outgoing& state) {
    disarm_deadline(state);
    core::error_code ignored;  // a socket is closed whatever close() says
    state.socket.close(ignored);
}

}  // namespace corral::http
