#include "listener.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "corral/core/say.hpp"
#include "corral/http/ip_network.hpp"

namespace corral::http {

namespace {

using core::asio::ip::tcp;

// Closes what no Asio object has taken over.
class raw_socket {
public:
    explicit raw_socket(int handle) : handle_(handle) {}
    raw_socket(const raw_socket&) = delete;
    raw_socket& operator=(const raw_socket&) = delete;
    ~raw_socket() {
        if (handle_ >= 0) {
            ::close(handle_);
        }
    }
    [[nodiscard]] int get() const noexcept { return handle_; }
    void release() noexcept { handle_ = -1; }

private:
    int handle_;
};

bool set_option(int handle, int level, int name, int value) {
    return ::setsockopt(handle, level, name, &value, sizeof value) == 0;
}

std::string name_of(const tcp::endpoint& where) {
    std::ostringstream out;
    out << where;
    return out.str();
}

core::failure listen_failure(int value, const tcp::endpoint& where) {
    const std::string name = name_of(where);
    if (value == EADDRNOTAVAIL) {
        return core::errno_failure(value, core::say("configuration.listen-failed/no-interface", name));
    }
    if (value == EACCES) {
        return core::errno_failure(value, core::say("configuration.listen-failed/permission", name));
    }
    return core::errno_failure(value, core::say("configuration.listen-failed/listen", name,
                                                boost::system::system_category().message(value)));
}

// A client whose machine went dark while it waits for an answer sends no end; the kernel finds out in about a
// minute. Linux hands these on to accepted sockets.
bool watch_dead_peers(int handle) {
    constexpr int idle_seconds = 30;
    constexpr int between_seconds = 10;
    constexpr int tries = 3;
    return set_option(handle, SOL_SOCKET, SO_KEEPALIVE, 1) &&
           set_option(handle, IPPROTO_TCP, TCP_KEEPIDLE, idle_seconds) &&
           set_option(handle, IPPROTO_TCP, TCP_KEEPINTVL, between_seconds) &&
           set_option(handle, IPPROTO_TCP, TCP_KEEPCNT, tries);
}

bool same_network(const core::asio::ip::address_v6& one, const core::asio::ip::address_v6& other) {
    constexpr std::ptrdiff_t network = 8;  // bytes of a /64
    const auto first = one.to_bytes();
    const auto second = other.to_bytes();
    return std::equal(first.begin(), first.begin() + network, second.begin());
}

// An address of the system; nothing for one of a Unix socket.
std::optional<tcp::endpoint> endpoint_of(const sockaddr_storage& address, socklen_t length) {
    tcp::endpoint out;
    if ((address.ss_family != AF_INET && address.ss_family != AF_INET6) || length > out.capacity()) {
        return std::nullopt;
    }
    std::memcpy(out.data(), &address, length);
    out.resize(length);
    return out;
}

accepted made_of(stream_socket socket, const std::optional<tcp::endpoint>& from) {
    if (!from) {
        return {std::move(socket), {core::asio::ip::address_v4::loopback(), 0}, "unix", true};
    }
    tcp::endpoint peer = *from;
    peer.address(plain_address(peer.address()));  // an IPv4 peer of a dual-stack listener
    const auto local =
        peer.address().is_v6() ? local_address(socket.native_handle()) : core::asio::ip::address{};
    std::string share = share_of(peer.address(), local);
    return {std::move(socket), std::move(peer), std::move(share), false};
}

int option_of(int handle, int name) {
    int value = -1;
    socklen_t length = sizeof value;
    return ::getsockopt(handle, SOL_SOCKET, name, &value, &length) == 0 ? value : -1;
}

bool is_tcp(int handle) {
    const int domain = option_of(handle, SO_DOMAIN);
    return handle > STDERR_FILENO && option_of(handle, SO_TYPE) == SOCK_STREAM &&
           option_of(handle, SO_PROTOCOL) == IPPROTO_TCP && (domain == AF_INET || domain == AF_INET6);
}

bool tidy(int handle) {
    const int flags = ::fcntl(handle, F_GETFL);
    return flags >= 0 && ::fcntl(handle, F_SETFL, flags | O_NONBLOCK) == 0 &&
           ::fcntl(handle, F_SETFD, FD_CLOEXEC) == 0;
}

tcp protocol_of(int handle) {
    return option_of(handle, SO_DOMAIN) == AF_INET6 ? tcp::v6() : tcp::v4();
}

// Each user of the machine has all of 127.0.0.0/8, and a neighbour takes as many IPv6 addresses as it likes.
constexpr unsigned loopback_shares = 16;
constexpr unsigned neighbour_shares = 64;

std::string network_of(core::asio::ip::address_v6::bytes_type address) {
    std::fill(address.begin() + address.size() / 2, address.end(), std::uint8_t{0});
    return core::asio::ip::address_v6(address).to_string() + "/64";
}

}  // namespace

std::string share_of(const core::asio::ip::address& peer, const core::asio::ip::address& local) {
    const auto from = plain_address(peer);
    if (from.is_loopback()) {
        const unsigned last = from.is_v4() ? from.to_v4().to_bytes().back() : 1U;
        return "127.0.0." + std::to_string(last % loopback_shares);
    }
    if (from.is_v4()) {
        return from.to_string();
    }
    const auto bytes = from.to_v6().to_bytes();
    const bool is_neighbour =
        from.to_v6().is_link_local() || (local.is_v6() && same_network(from.to_v6(), local.to_v6()));
    return network_of(bytes) +
           (is_neighbour ? "#" + std::to_string(bytes.back() % neighbour_shares) : std::string());
}

core::result<tcp::acceptor> open_listener(const core::executor& on, const tcp::endpoint& where) {
    const int family = where.address().is_v6() ? AF_INET6 : AF_INET;
    raw_socket handle(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP));
    if (handle.get() < 0) {
        return listen_failure(errno, where);
    }
    // "::" takes IPv4 too whatever bindv6only says.
    const bool ready = set_option(handle.get(), SOL_SOCKET, SO_REUSEADDR, 1) &&
                       watch_dead_peers(handle.get()) &&
                       (family == AF_INET || set_option(handle.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0));
    if (!ready || ::bind(handle.get(), where.data(), static_cast<socklen_t>(where.size())) != 0 ||
        ::listen(handle.get(), SOMAXCONN) != 0) {
        return listen_failure(errno, where);
    }
    tcp::acceptor out(on);
    core::error_code error;
    out.assign(where.protocol(), handle.get(), error);
    if (error) {
        return core::failure{
            error, core::say("configuration.listen-failed/listen", name_of(where), error.message())};
    }
    handle.release();
    return out;
}

core::asio::ip::address local_address(int handle) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    const bool known = ::getsockname(handle, reinterpret_cast<sockaddr*>(&address), &length) == 0;
    const std::optional<tcp::endpoint> found = known ? endpoint_of(address, length) : std::nullopt;
    return found ? found->address() : core::asio::ip::address{};
}

std::optional<accepted> accept_one(listening_socket& from, core::error_code& error) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    raw_socket handle(::accept4(from.native_handle(), reinterpret_cast<sockaddr*>(&address), &length,
                                SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (handle.get() < 0) {
        error = {errno, boost::system::system_category()};
        return std::nullopt;
    }
    const std::optional<tcp::endpoint> peer = endpoint_of(address, length);
    if (peer) {
        set_option(handle.get(), IPPROTO_TCP, TCP_NODELAY, 1);  // its failure costs delay, not correctness
    }
    stream_socket socket(from.get_executor());
    socket.assign({address.ss_family, peer ? IPPROTO_TCP : 0}, handle.get(), error);
    if (error) {
        return std::nullopt;
    }
    handle.release();
    return made_of(std::move(socket), peer);
}

core::result<listening_socket> adopt_unix_listener(const core::executor& on, int bound) {
    listening_socket out(on);
    core::error_code error;
    if (tidy(bound)) {
        out.assign({AF_UNIX, 0}, bound, error);
    } else {
        error = {errno, boost::system::system_category()};
    }
    if (error) {
        return core::failure{error, core::say("configuration.listen-failed/tell", error.message())};
    }
    return out;
}

core::result<tcp::acceptor> adopt_listener(const core::executor& on, int inherited) {
    const auto unfit = [](const std::string& why) {
        return core::make_failure(core::errc::invalid,
                                  core::say("configuration.listen-failed/listen-inherited", why));
    };
    if (!is_tcp(inherited) || option_of(inherited, SO_ACCEPTCONN) != 1) {
        return unfit(core::say("configuration.listen-failed/descriptor", inherited));
    }
    // Their failures cost comfort only.
    watch_dead_peers(inherited);
    ::listen(inherited, SOMAXCONN);
    core::error_code error;
    tcp::acceptor out(on);
    if (tidy(inherited)) {
        out.assign(protocol_of(inherited), inherited, error);
    } else {
        error = {errno, boost::system::system_category()};
    }
    if (error) {
        return unfit(error.message());
    }
    return out;
}

std::optional<accepted> adopt_accepted(const core::executor& on, int inherited) {
    tcp::endpoint peer;
    auto length = static_cast<socklen_t>(peer.capacity());
    core::error_code error;
    stream_socket socket(on);
    const bool fit = is_tcp(inherited) && option_of(inherited, SO_ACCEPTCONN) == 0 && tidy(inherited) &&
                     ::getpeername(inherited, peer.data(), &length) == 0;
    if (!fit) {
        return std::nullopt;
    }
    peer.resize(length);
    socket.assign(protocol_of(inherited), inherited, error);
    if (error) {
        return std::nullopt;
    }
    return made_of(std::move(socket), peer);
}

}  // namespace corral::http
