#pragma once
// A port of the kernel's choice on the loopback, for tests whose server is a few lines of its own.

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>

namespace corral::http::test {

class listening_port {
public:
    listening_port() : handle_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ::bind(handle_, reinterpret_cast<const sockaddr*>(&at), sizeof at);
        ::listen(handle_, 64);
        socklen_t size = sizeof at;
        ::getsockname(handle_, reinterpret_cast<sockaddr*>(&at), &size);
        port_ = ntohs(at.sin_port);
    }
    listening_port(const listening_port&) = delete;
    listening_port& operator=(const listening_port&) = delete;
    ~listening_port() { ::close(handle_); }

    [[nodiscard]] boost::asio::ip::tcp::endpoint at() const {
        return {boost::asio::ip::address_v4::loopback(), port_};
    }
    // Negative: nothing comes any more.
    [[nodiscard]] int accept() const { return ::accept4(handle_, nullptr, nullptr, SOCK_CLOEXEC); }
    void end() const { ::shutdown(handle_, SHUT_RDWR); }

private:
    int handle_;
    std::uint16_t port_ = 0;
};

// Talks to each connection on a thread of its own, until it is destroyed. What `talk` uses is made before it.
class accepting_port {
public:
    // `talk` closes the descriptor that it is given, and ends soon once over() is true.
    explicit accepting_port(std::function<void(int peer)> talk)
        : talk_(std::move(talk)), thread_([this] { accept_all(); }) {}
    accepting_port(const accepting_port&) = delete;
    accepting_port& operator=(const accepting_port&) = delete;
    ~accepting_port() {
        over_ = true;
        port_.end();
        thread_.join();
        for (std::thread& each : talks_) {
            each.join();
        }
    }

    [[nodiscard]] boost::asio::ip::tcp::endpoint at() const { return port_.at(); }
    [[nodiscard]] bool over() const { return over_; }

private:
    void accept_all() {
        while (!over_) {
            const int peer = port_.accept();
            if (peer < 0) {
                return;
            }
            talks_.emplace_back([this, peer] { talk_(peer); });
        }
    }

    std::function<void(int)> talk_;
    listening_port port_;
    std::atomic<bool> over_{false};
    std::vector<std::thread> talks_;
    std::thread thread_;
};

}  // namespace corral::http::test
