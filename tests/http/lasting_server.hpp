#pragma once
// A server that keeps its connections, for tests of clients that do.

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <string>
#include <utility>

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>

#include "http/accepting_port.hpp"

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

    explicit lasting_server(manner how) : how_(std::move(how)), port_([this](int peer) { talk(peer); }) {}

    [[nodiscard]] boost::asio::ip::tcp::endpoint at() const { return port_.at(); }
    [[nodiscard]] int connections() const { return connections_; }
    // Whole requests that it read.
    [[nodiscard]] int requests() const { return requests_; }
    [[nodiscard]] int open() const { return open_; }

private:
    void talk(int peer) {
        ++connections_;
        ++open_;
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
            } else if (got == 0 || errno != EAGAIN || port_.over()) {
                return false;
            }
        }
        return true;
    }

    manner how_;
    std::atomic<int> connections_{0};
    std::atomic<int> requests_{0};
    std::atomic<int> open_{0};
    accepting_port port_;
};

}  // namespace corral::http::test
