// How a connection gets ready to talk: a header of the PROXY protocol, a handshake of TLS.
#include <array>
#include <cerrno>
#include <utility>

#include <sys/socket.h>
#include <boost/asio/error.hpp>

#include "connection.hpp"
#include "listener.hpp"

namespace corral::http {

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
        address_share_ = share_of(client->address(), local_address(socket_.native_handle()));
        belongs_to(address_share_);
    }
}

}  // namespace corral::http
