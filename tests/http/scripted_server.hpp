#pragma once
// A server that says what it was told, byte by byte if need be, for tests of clients.

#include <atomic>
#include <chrono>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "live_server.hpp"

namespace corral::http::test {

// Takes one connection, says its lines and hangs up as told; on a thread of its own.
class scripted_server {
public:
    struct script {
        std::string answer;
        std::size_t piece = 0;     // 0: in one
        bool read_request = true;  // false: answers or ends before it has read
        bool end = true;           // false: stays open until the test ends
        bool reset = false;
    };

    explicit scripted_server(script lines)
        : lines_(std::move(lines)), handle_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ::bind(handle_, reinterpret_cast<const sockaddr*>(&at), sizeof at);
        ::listen(handle_, 5);
        socklen_t size = sizeof at;
        ::getsockname(handle_, reinterpret_cast<sockaddr*>(&at), &size);
        port_ = ntohs(at.sin_port);
        thread_ = std::thread([this] { run(); });
    }
    scripted_server(const scripted_server&) = delete;
    scripted_server& operator=(const scripted_server&) = delete;
    ~scripted_server() {
        over_ = true;
        ::shutdown(handle_, SHUT_RDWR);
        thread_.join();
        ::close(handle_);
    }

    [[nodiscard]] core::asio::ip::tcp::endpoint at() const {
        return {core::asio::ip::address_v4::loopback(), port_};
    }
    [[nodiscard]] std::string request() {
        eventually([this] { return read_.load(); });
        return request_;
    }

private:
    void run() {
        const int peer = ::accept(handle_, nullptr, nullptr);
        if (peer < 0) {
            return;
        }
        if (lines_.read_request) {
            read_whole(peer);
        }
        const std::size_t piece = lines_.piece == 0 ? lines_.answer.size() : lines_.piece;
        for (std::size_t at = 0; at < lines_.answer.size(); at += piece) {
            const std::string_view part = std::string_view(lines_.answer).substr(at, piece);
            if (::send(peer, part.data(), part.size(), MSG_NOSIGNAL) < 0) {
                break;
            }
        }
        while (!lines_.end && !over_) {
            std::this_thread::sleep_for(std::chrono::milliseconds{5});
        }
        if (lines_.reset) {
            const linger now{1, 0};
            ::setsockopt(peer, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        }
        ::close(peer);
    }

    void read_whole(int peer) {
        char part[4096];
        while (request_.find("\r\n\r\n") == std::string::npos) {
            const auto got = ::recv(peer, part, sizeof part, 0);
            if (got <= 0) {
                break;
            }
            request_.append(part, static_cast<std::size_t>(got));
        }
        read_ = true;
    }

    script lines_;
    int handle_;
    std::uint16_t port_ = 0;
    std::string request_;
    std::atomic<bool> read_{false};
    std::atomic<bool> over_{false};
    std::thread thread_;
};

}  // namespace corral::http::test
