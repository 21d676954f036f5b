#pragma once
// A server that says what it was told, byte by byte if need be, for tests of clients.

#include <atomic>
#include <chrono>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <sys/socket.h>
#include <unistd.h>

#include "http/accepting_port.hpp"
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
        int send_buffer = 0;  // bytes that the kernel takes, read or not; 0: its own choice
    };

    explicit scripted_server(script lines) : lines_(std::move(lines)), thread_([this] { run(); }) {}
    scripted_server(const scripted_server&) = delete;
    scripted_server& operator=(const scripted_server&) = delete;
    ~scripted_server() {
        over_ = true;
        port_.end();
        thread_.join();
    }

    [[nodiscard]] core::asio::ip::tcp::endpoint at() const { return port_.at(); }
    // All is out, though perhaps not read.
    [[nodiscard]] bool has_answered() const { return answered_; }
    [[nodiscard]] std::string request() {
        eventually([this] { return read_.load(); });
        return request_;
    }

private:
    void run() {
        const int peer = port_.accept();
        if (peer < 0) {
            return;
        }
        if (lines_.read_request) {
            read_whole(peer);
        }
        if (lines_.send_buffer > 0) {
            ::setsockopt(peer, SOL_SOCKET, SO_SNDBUF, &lines_.send_buffer, sizeof lines_.send_buffer);
        }
        say(peer);
        answered_ = true;
        while (!lines_.end && !over_) {
            std::this_thread::sleep_for(std::chrono::milliseconds{5});
        }
        if (lines_.reset) {
            const linger now{1, 0};
            ::setsockopt(peer, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        }
        ::close(peer);
    }

    void say(int peer) const {
        const std::size_t piece = lines_.piece == 0 ? lines_.answer.size() : lines_.piece;
        for (std::size_t at = 0; at < lines_.answer.size(); at += piece) {
            const std::string_view part = std::string_view(lines_.answer).substr(at, piece);
            if (::send(peer, part.data(), part.size(), MSG_NOSIGNAL) < 0) {
                return;
            }
        }
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
    listening_port port_;
    std::string request_;
    std::atomic<bool> read_{false};
    std::atomic<bool> answered_{false};
    std::atomic<bool> over_{false};
    std::thread thread_;
};

}  // namespace corral::http::test
