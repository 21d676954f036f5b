#include "stream_upstream.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <memory>
#include <queue>
#include <random>
#include <system_error>
#include <vector>

#include "http_call.hpp"
#include "stream_socket.hpp"

namespace corral::benchmark {
namespace {

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

std::string chunk_of(std::string_view text) {
    char size[24];
    std::snprintf(size, sizeof size, "%zx\r\n", text.size());
    return size + std::string(text) + "\r\n";
}

std::string event_of(std::string_view content, std::string_view reason) {
    return "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,"
           "\"model\":\"model\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" +
           std::string(content) + "\"},\"finish_reason\":" + std::string(reason) + "}]}\n\n";
}

struct talk {
    int socket = -1;
    std::string heard;
    long pieces = 0;  // that are still to be said
    std::int64_t interval = 0;
    std::uint64_t turn = 0;  // of the answer, so that a late entry of the queue means nothing
};

struct due_piece {
    std::int64_t ns = 0;
    int socket = -1;
    std::uint64_t turn = 0;
    bool operator>(const due_piece& other) const { return ns > other.ns; }
};

class upstream {
public:
    explicit upstream(std::uint16_t port) : loop_(epoll_create1(EPOLL_CLOEXEC)) {
        listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        const int yes = 1;
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_port = htons(port);
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (loop_ < 0 || listener_ < 0 ||
            setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
            bind(listener_, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 ||
            listen(listener_, 512) != 0)
            fail("listen");
        watch(listener_);
    }

    [[noreturn]] void serve() {
        std::vector<epoll_event> events(256);
        for (;;) {
            const int count = wait(events);
            for (int k = 0; k < count; ++k) {
                const int ready = events[static_cast<std::size_t>(k)].data.fd;
                if (ready == listener_) {
                    accept_all();
                } else {
                    hear(ready);
                }
            }
            say_what_is_due();
        }
    }

private:
    void watch(int socket) const {
        epoll_event wanted{};
        wanted.events = EPOLLIN;
        wanted.data.fd = socket;
        if (epoll_ctl(loop_, EPOLL_CTL_ADD, socket, &wanted) != 0) fail("epoll_ctl");
    }

    // To the nanosecond, for a millisecond of the timer would be a millisecond of every piece.
    int wait(std::vector<epoll_event>& events) {
        timespec left{};
        const timespec* most = nullptr;
        if (!due_.empty()) {
            const std::int64_t ns = std::max<std::int64_t>(0, due_.top().ns - monotonic_ns());
            left = {ns / 1'000'000'000, ns % 1'000'000'000};
            most = &left;
        }
        const int count = epoll_pwait2(loop_, events.data(), static_cast<int>(events.size()), most, nullptr);
        if (count < 0 && errno != EINTR) fail("epoll_pwait2");
        return count;
    }

    void accept_all() {
        for (;;) {
            const int peer = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
            if (peer < 0) return;
            const int yes = 1;
            setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
            talks_[peer].socket = peer;
            watch(peer);
        }
    }

    void hear(int socket) {
        const auto found = talks_.find(socket);
        if (found == talks_.end()) return;
        talk& now = found->second;
        char buffer[65536];
        const auto got = recv(socket, buffer, sizeof buffer, 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (got <= 0) return hang_up(socket);
        now.heard.append(buffer, static_cast<std::size_t>(got));
        for (auto end = now.heard.find("\r\n\r\n"); end != std::string::npos;
             end = now.heard.find("\r\n\r\n")) {
            const auto head = std::string_view(now.heard).substr(0, end + 2);
            const auto length = static_cast<std::size_t>(number_behind(head, "Content-Length: ", 0));
            if (now.heard.size() < end + 4 + length) return;
            const std::string request = now.heard.substr(0, end + 4 + length);
            now.heard.erase(0, request.size());
            if (!answer(now, request)) return hang_up(socket);
        }
    }

    void hang_up(int socket) {
        talks_.erase(socket);
        close(socket);
    }

    static bool say(int socket, std::string_view text) {
        return send(socket, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
    }

    bool answer(talk& now, std::string_view request) {
        const bool closes = request.find("\r\nConnection: close") != std::string_view::npos;
        if (!request.starts_with("POST /v1/chat/completions")) {
            const bool known = request.starts_with("GET /health");
            return say(now.socket, std::string("HTTP/1.1 ") + (known ? "200 OK" : "404 Not Found") +
                                       "\r\nContent-Type: application/json\r\nContent-Length: 2\r\n" +
                                       (closes ? "Connection: close\r\n" : "") + "\r\n{}") &&
                   !closes;
        }
        now.pieces = number_behind(request, "pieces=", 3);
        now.interval = 1'000'000'000 / std::max(1L, number_behind(request, "rate=", 1000));
        const std::int64_t at = monotonic_ns();
        if (!say(now.socket,
                 "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                 "Transfer-Encoding: chunked\r\n\r\n"))
            return false;
        due_.push({at, now.socket, ++now.turn});
        return true;
    }

    void say_what_is_due() {
        for (std::int64_t at = monotonic_ns(); !due_.empty() && due_.top().ns <= at; at = monotonic_ns()) {
            const due_piece next = due_.top();
            due_.pop();
            const auto found = talks_.find(next.socket);
            if (found == talks_.end() || found->second.turn != next.turn) continue;
            talk& now = found->second;
            const bool over = now.pieces-- == 0;
            const std::string text = over ? chunk_of(event_of("", "\"stop\"")) +
                                                chunk_of(
                                                    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,"
                                                    "\"completion_tokens\":9}}\n\n") +
                                                chunk_of("data: [DONE]\n\n") + "0\r\n\r\n"
                                          : chunk_of(event_of(stamp_text(at), "null"));
            if (!say(next.socket, text)) {
                hang_up(next.socket);
            } else if (!over) {
                due_.push({next.ns + now.interval, next.socket, next.turn});
            }
        }
    }

    int loop_;
    int listener_;
    std::map<int, talk> talks_;
    std::priority_queue<due_piece, std::vector<due_piece>, std::greater<>> due_;
};

}  // namespace

void serve_pieces(std::uint16_t port) {
    upstream(port).serve();
}

}  // namespace corral::benchmark
