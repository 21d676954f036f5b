#include "agent_port.hpp"

#include <array>
#include <cerrno>
#include <sstream>
#include <utility>

#include <sys/socket.h>
#include <unistd.h>
#include <boost/asio/buffer.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>

#include "corral/core/say.hpp"
#include "corral/core/text.hpp"

namespace corral::daemon {

namespace {

using boost::asio::ip::tcp;
using namespace boost::asio::experimental::awaitable_operators;

core::failure cannot_listen(const tcp::endpoint& at, int value) {
    std::ostringstream where;
    where << at;
    return core::errno_failure(value, core::say("configuration.listen-failed/agent", where.str(),
                                                boost::system::system_category().message(value)));
}

}  // namespace

agent_port::agent_port(core::task_group& tasks, line_maker answer)
    : tasks_(tasks), answer_(std::move(answer)), acceptor_(tasks.get_executor()) {}

core::result<void> agent_port::listen(const tcp::endpoint& at) {
    const int family = at.address().is_v6() ? AF_INET6 : AF_INET;
    const int handle = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
    if (handle < 0) {
        return cannot_listen(at, errno);
    }
    const int yes = 1;
    ::setsockopt(handle, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    const bool opened = ::bind(handle, at.data(), static_cast<socklen_t>(at.size())) == 0 &&
                        ::listen(handle, static_cast<int>(most_open)) == 0;
    const int value = errno;
    core::error_code error;
    if (opened) {
        acceptor_.assign(at.protocol(), handle, error);
    }
    if (!opened || error) {
        ::close(handle);
        return cannot_listen(at, opened ? error.value() : value);
    }
    return {};
}

void agent_port::start() {
    tasks_.spawn("agent port", accept_all());
}

void agent_port::close() {
    core::error_code ignored;  // it is closed whatever close() says
    acceptor_.close(ignored);
}

tcp::endpoint agent_port::at() const {
    core::error_code unknown;  // then it is the empty address
    return acceptor_.local_endpoint(unknown);
}

core::awaitable<void> agent_port::accept_all() {
    constexpr core::milliseconds pause{100};
    while (acceptor_.is_open()) {
        const auto [error] = co_await acceptor_.async_wait(tcp::acceptor::wait_read, core::as_result);
        if (!acceptor_.is_open() || error == boost::asio::error::operation_aborted) {
            co_return;
        }
        const bool goes_on = accept_waiting();
        if (error || !goes_on) {
            co_await core::sleep_for(pause);
        }
    }
}

// False when descriptors are short.
bool agent_port::accept_waiting() {
    const int handle = ::accept4(acceptor_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (handle < 0) {
        return errno == EAGAIN || errno == EINTR || errno == ECONNABORTED;
    }
    if (open_ >= most_open) {
        ::close(handle);
        return true;
    }
    ++open_;
    const std::shared_ptr<socket> client(new socket(tasks_.get_executor()), [this](socket* gone) {
        --open_;
        delete gone;
    });
    core::error_code error;
    client->assign(at().protocol(), handle, error);
    if (error) {
        ::close(handle);
        return true;
    }
    tasks_.spawn("agent connection", serve(client));
    return true;
}

core::awaitable<void> agent_port::serve(std::shared_ptr<socket> client) {
    const std::string query = co_await read_line(client);
    // A line that the kernel has no room for has no reader.
    const std::string line = answer_(query);
    const auto sent = ::send(client->native_handle(), line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
        core::error_code ignored;  // it is closed next
        client->shutdown(socket::shutdown_send, ignored);
    }
}

// Empty: none came in time, it is too long, or the client has gone.
core::awaitable<std::string> agent_port::read_line(std::shared_ptr<socket> client) {
    boost::asio::steady_timer limit(tasks_.get_executor(), patience);
    std::string line;
    while (line.size() <= longest_line) {
        std::array<char, longest_line> piece{};
        const auto into = boost::asio::buffer(piece);
        const auto first =
            co_await (client->async_read_some(into, core::as_result) || limit.async_wait(core::as_result));
        if (first.index() != 0) {
            co_return std::string();
        }
        const auto& [error, count] = std::get<0>(first);
        if (error) {
            co_return std::string();
        }
        line.append(piece.data(), count);
        if (const std::size_t end = line.find('\n'); end != std::string::npos) {
            co_return std::string(core::trimmed(std::string_view(line).substr(0, end)));
        }
    }
    co_return std::string();
}

}  // namespace corral::daemon
