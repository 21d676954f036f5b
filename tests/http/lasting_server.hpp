#pragma once
// A server that keeps its connections, for tests of clients that do.

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>

namespace corral::http::test {

class lasting_server {
public:
    struct manner {
        std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        std::string second_part{};              // sent apart, behind it
        bool waits_for_acknowledgement = true;  // no TCP_NODELAY
        int most_requests = 1000;               // then it closes, and its answer did not say so
        std::function<void()> before_close{};
    };

    explicit lasting_server(manner how)
        : how_(std::move(how)), handle_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ::bind(handle_, reinterpret_cast<const sockaddr*>(&at), sizeof at);
        ::listen(handle_, 64);
        socklen_t size = sizeof at;
        ::getsockname(handle_, reinterpret_cast<sockaddr*>(&at), &size);
        port_ = ntohs(at.sin_port);
        thread_ = std::thread([this] { accept_all(); });
    }
    lasting_server(const lasting_server&) = delete;
    lasting_server& operator=(const lasting_server&) = delete;
    ~lasting_server() {
        over_ = true;
        ::shutdown(handle_, SHUT_RDWR);
        thread_.join();
        for (std::thread& each : talks_) {
            each.join();
        }
        ::close(handle_);
    }

    [[nodiscard]] boost::asio::ip::tcp::endpoint at() const {
        return {boost::asio::ip::address_v4::loopback(), port_};
    }
    [[nodiscard]] int connections() const { return connections_; }
    // Whole requests that it read.
    [[nodiscard]] int requests() const { return requests_; }
    [[nodiscard]] int open() const { return open_; }

private:
    void accept_all() {
        while (!over_) {
            const int peer = ::accept4(handle_, nullptr, nullptr, SOCK_CLOEXEC);
            if (peer < 0) {
                return;
            }
            ++connections_;
            ++open_;
            talks_.emplace_back([this, peer] { talk(peer); });
        }
    }

    void talk(int peer) {
        const int yes = how_.waits_for_acknowledgement ? 0 : 1;
        ::setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        for (int count = 0; count < how_.most_requests && read_request(peer); ++count) {
            ++requests_;
            ::send(peer, how_.answer.data(), how_.answer.size(), MSG_NOSIGNAL);
            ::send(peer, how_.second_part.data(), how_.second_part.size(), MSG_NOSIGNAL);
        }
        if (how_.before_close) {
            how_.before_close();
        }
        ::close(peer);
        --open_;
    }

    [[nodiscard]] static bool is_whole(const std::string& request) {
        const auto head = request.find("\r\n\r\n");
        const auto length = request.find("Content-Length: ");
        const std::size_t body =
            length == std::string::npos ? 0 : std::strtoul(request.c_str() + length + 16, nullptr, 10);
        return head != std::string::npos && request.size() >= head + 4 + body;
    }

    // False: the client has gone, or the test is over. Requests come one at a time.
    bool read_request(int peer) {
        const timeval soon{0, 20'000};
        ::setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon);
        std::string out;
        char part[4096];
        while (!is_whole(out)) {
            const auto got = ::recv(peer, part, sizeof part, 0);
            if (got > 0) {
                out.append(part, static_cast<std::size_t>(got));
            } else if (got == 0 || errno != EAGAIN || over_) {
                return false;
            }
        }
        return true;
    }

    manner how_;
    int handle_;
    std::uint16_t port_ = 0;
    std::atomic<bool> over_{false};
    std::atomic<int> connections_{0};
    std::atomic<int> requests_{0};
    std::atomic<int> open_{0};
    std::vector<std::thread> talks_;
    std::thread thread_;
};

}  // namespace corral::http::test
