#pragma once
// A server for tests of clients: to each request it says the next of its lines, and notes what it heard and
// who left early.

#include <atomic>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>

#include "http/accepting_port.hpp"

namespace corral::engine::tests {

struct played_answer {
    std::string text;         // head and body, as they go out
    bool stays_open = false;  // after them, until the client leaves or the test is over
    bool until_next = false;  // or until another request was heard
};

inline std::string whole_answer(unsigned status, const std::string& body) {
    return "HTTP/1.1 " + std::to_string(status) +
           " X\r\nContent-Type: application/json\r\nConnection: close\r\n" +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

inline std::string event_stream(const std::string& events) {
    return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" + events;
}

inline std::string said(const std::string& text) {
    return R"(data: {"choices":[{"delta":{"content":")" + text + "\"}}]}\n\n";
}

class played_server {
public:
    // The last answer is said again and again.
    explicit played_server(std::deque<played_answer> answers)
        : answers_(std::move(answers)), port_([this](int peer) { talk(peer); }) {}

    [[nodiscard]] boost::asio::ip::tcp::endpoint at() const { return port_.at(); }
    // First lines of the requests so far.
    [[nodiscard]] std::vector<std::string> requests() const {
        const std::lock_guard hold(guard_);
        return requests_;
    }
    [[nodiscard]] std::vector<std::string> bodies() const {
        const std::lock_guard hold(guard_);
        return bodies_;
    }
    // Clients that left an answer that was not over.
    [[nodiscard]] unsigned left() const { return left_; }

    // A request with its body; what came of it where the client leaves.
    static std::string read_whole(int peer) {
        const timeval patience{30, 0};  // for a client that says nothing
        ::setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        std::string out;
        char part[4096];
        for (;;) {
            const auto head = out.find("\r\n\r\n");
            const auto length = out.find("Content-Length: ");
            const std::size_t body =
                length == std::string::npos ? 0 : std::strtoul(out.c_str() + length + 16, nullptr, 10);
            if (head != std::string::npos && out.size() >= head + 4 + body) {
                return out;
            }
            const auto got = ::recv(peer, part, sizeof part, 0);
            if (got <= 0) {
                return out;
            }
            out.append(part, static_cast<std::size_t>(got));
        }
    }

private:
    void talk(int peer) {
        const std::string request = read_whole(peer);
        played_answer answer;
        {
            const std::lock_guard hold(guard_);
            requests_.push_back(request.substr(0, request.find("\r\n")));
            bodies_.push_back(request.substr(std::min(request.find("\r\n\r\n"), request.size() - 4) + 4));
            ++heard_;
            answer = answers_.front();
            if (answers_.size() > 1) {
                answers_.pop_front();
            }
        }
        const unsigned heard = heard_;
        ::send(peer, answer.text.data(), answer.text.size(), MSG_NOSIGNAL);
        while (answer.stays_open && !port_.over() && !(answer.until_next && heard_ > heard)) {
            pollfd line{peer, POLLIN, 0};
            char rest = 0;
            if (::poll(&line, 1, 5) > 0 && ::recv(peer, &rest, 1, 0) <= 0) {
                ++left_;
                break;
            }
        }
        ::close(peer);
    }

    std::deque<played_answer> answers_;
    mutable std::mutex guard_;
    std::vector<std::string> requests_;
    std::vector<std::string> bodies_;
    std::atomic<unsigned> left_{0};
    std::atomic<unsigned> heard_{0};
    http::test::accepting_port port_;
};

}  // namespace corral::engine::tests
