#include "chat/http_listener.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <thread>

#include "listening_socket.hpp"

namespace corral::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_head = 65536;
constexpr std::size_t most_body = 64 << 20;

std::string lower_case(std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

bool parse_head(const std::string& head, chat_request& request) {
    const auto line = head.substr(0, head.find("\r\n"));
    const auto first = line.find(' ');
    const auto second = line.find(' ', first + 1);
    if (first == std::string::npos || second == std::string::npos) return false;
    request.method = line.substr(0, first);
    const auto target = line.substr(first + 1, second - first - 1);
    const auto mark = target.find('?');
    request.path = target.substr(0, mark);
    request.query = mark == std::string::npos ? "" : target.substr(mark + 1);
    for (auto at = line.size() + 2; at < head.size();) {
        const auto end = std::min(head.find("\r\n", at), head.size());
        const auto field = head.substr(at, end - at);
        const auto colon = field.find(':');
        if (colon == std::string::npos) return false;
        const auto value = field.find_first_not_of(" \t", colon + 1);
        request.headers[lower_case(field.substr(0, colon))] =
            value == std::string::npos ? "" : field.substr(value);
        at = end + 2;
    }
    return true;
}

// The next request of the connection; `pending` keeps what came behind it.
std::optional<chat_request> read_chat_request(int socket, std::string& pending) {
    chat_request request;
    std::size_t head_end = std::string::npos;
    std::size_t wanted = 0;
    char buffer[65536];
    for (;;) {
        if (head_end == std::string::npos && (head_end = pending.find("\r\n\r\n")) != std::string::npos) {
            if (!parse_head(pending.substr(0, head_end), request)) return std::nullopt;
            const auto length = std::strtoull(request.headers["content-length"].c_str(), nullptr, 10);
            if (length > most_body) return std::nullopt;
            wanted = head_end + 4 + length;
        }
        if (head_end != std::string::npos && pending.size() >= wanted) break;
        if (head_end == std::string::npos && pending.size() > most_head) return std::nullopt;
        const auto n = recv(socket, buffer, sizeof buffer, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return std::nullopt;
        pending.append(buffer, static_cast<std::size_t>(n));
    }
    request.body = pending.substr(head_end + 4, wanted - head_end - 4);
    pending.erase(0, wanted);
    return request;
}

}  // namespace

bool http_listener::bind(const std::string& address, int port) {
    if (faults_.fire("start_port_taken")) {
        errno = EADDRINUSE;
        return false;
    }
    const listening_socket got = listen_on(address, port, options_.backlog);
    if (got.handle < 0) return false;
    port_ = got.port;
    listener_ = got.handle;
    return true;
}

void http_listener::serve(const chat_handler& handler) {
    for (;;) {
        const int listening = listener_;
        if (listening < 0) return;
        const int socket = accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
        if (socket < 0) {
            if (listener_ < 0) return;
            if (errno != EINTR && errno != ECONNABORTED) std::this_thread::sleep_for(50ms);
            continue;
        }
        const int yes = 1;
        setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        ++open_;
        ++accepted_;
        if (options_.threaded)
            std::thread([this, socket, &handler] { serve_connection(socket, handler); }).detach();
        else
            serve_connection(socket, handler);
    }
}

void http_listener::close_listener() {
    const int fd = listener_.exchange(-1);
    if (fd < 0) return;
    shutdown(fd, SHUT_RDWR);  // wakes the accept
    close(fd);
}

bool http_listener::answered_by_fault(const chat_request& request, http_exchange& exchange, int socket) {
    const auto& route = request.path;
    if (const auto slow = faults_.fire("slow_reply", route))
        std::this_thread::sleep_for(std::chrono::milliseconds(slow->value("ms", 1000)));
    if (const auto hang = faults_.fire("hang", route)) {
        const int ms = hang->value("ms", -1);
        for (int waited = 0; ms < 0 || waited < ms; waited += 20) std::this_thread::sleep_for(20ms);
        exchange.abandon();
    } else if (faults_.fire("drop_reply", route)) {
        exchange.abandon();
    } else if (faults_.fire("empty_reply", route)) {
        exchange.answer(200, "application/json", "");
    } else if (const auto status = faults_.fire("status_reply", route)) {
        exchange.answer(status->value("status", 500), "application/json", status->value("body", ""));
    } else if (const auto garbage = faults_.fire("garbage_reply", route)) {
        if (garbage->value("level", "body") == "http") {
            constexpr std::string_view noise = "\x16\x03\x01 garbage, not an answer\r\n\r\n";
            exchange.abandon();
            if (send(socket, noise.data(), noise.size(), MSG_NOSIGNAL) < 0) return true;
        } else {
            exchange.answer(200, "application/json", "not json");
        }
    } else if (faults_.fire("truncated_reply", route)) {
        exchange.truncate();
    }
    return exchange.answered();
}

void http_listener::serve_connection(int socket, const chat_handler& handler) {
    const timeval patience{5, 0};  // cpp-httplib, uvicorn and Werkzeug alike
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    std::string pending;
    int count = 0;
    for (bool open = true; open;) {
        const auto request = read_chat_request(socket, pending);
        if (!request) break;
        const auto asked = request->headers.find("connection");
        const bool close_asked = asked != request->headers.end() && lower_case(asked->second) == "close";
        http_exchange exchange(socket, options_.look, settings_.snapshot().chat.split_bytes, close_asked,
                               ++count);
        if (!answered_by_fault(*request, exchange, socket)) handler(*request, exchange);
        open = exchange.answered() && !exchange.closes() && !exchange.gone();
    }
    shutdown(socket, SHUT_WR);
    close(socket);
    --open_;
}

}  // namespace corral::sim
