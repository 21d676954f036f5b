#include "tokenizer/python_http.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <thread>

#include "listening_socket.hpp"

namespace corral::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_body = 256u << 20;

void send_all(int socket, const std::string& text) {
    for (std::size_t sent = 0; sent < text.size();) {
        const auto n = send(socket, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
        if (n <= 0) return;
        sent += static_cast<std::size_t>(n);
    }
}

std::string head_for(int status) {
    char date[64];
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    gmtime_r(&now, &parts);
    std::strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    const std::string reason = status == 200   ? "OK"
                               : status == 501 ? "Unsupported method"
                                               : "Internal Server Error";
    return "HTTP/1.0 " + std::to_string(status) + " " + reason +
           "\r\nServer: Apache Python/3.11.2\r\nDate: " + date + "\r\nContent-Type: application/json\r\n\r\n";
}

void log_request(const python_request& request, int status) {
    char date[64];
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    localtime_r(&now, &parts);
    std::strftime(date, sizeof date, "%d/%b/%Y %H:%M:%S", &parts);
    std::fprintf(stderr, "127.0.0.1 - - [%s] \"%s %s HTTP/1.1\" %d -\n", date, request.method.c_str(),
                 request.path.c_str(), status);
}

std::size_t content_length(const std::string& head) {
    std::string lower;
    for (char c : head) lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const auto at = lower.find("\r\ncontent-length:");
    if (at == std::string::npos) return 0;
    return static_cast<std::size_t>(std::strtoull(lower.c_str() + at + 17, nullptr, 10));
}

std::optional<python_request> read_request(int socket) {
    std::string bytes;
    char buffer[65536];
    std::size_t head_end = std::string::npos;
    std::size_t wanted = 0;
    while (head_end == std::string::npos || bytes.size() < wanted) {
        const auto n = recv(socket, buffer, sizeof buffer, 0);
        if (n <= 0) return std::nullopt;
        bytes.append(buffer, static_cast<std::size_t>(n));
        if (head_end != std::string::npos) continue;
        head_end = bytes.find("\r\n\r\n");
        if (head_end == std::string::npos && bytes.size() > 65536) return std::nullopt;
        if (head_end != std::string::npos) wanted = head_end + 4 + content_length(bytes.substr(0, head_end));
        if (wanted > most_body) return std::nullopt;
    }
    const auto line = bytes.substr(0, bytes.find("\r\n"));
    const auto first = line.find(' ');
    const auto second = line.find(' ', first + 1);
    if (first == std::string::npos || second == std::string::npos) return std::nullopt;
    return python_request{line.substr(0, first), line.substr(first + 1, second - first - 1),
                          bytes.substr(head_end + 4, wanted - head_end - 4)};
}

}  // namespace

bool python_http_server::bind(const std::string& address, int port) {
    const listening_socket got = listen_on(address, port, 5);
    if (got.handle < 0) return false;
    listener_ = got.handle;
    port_ = got.port;
    return true;
}

void python_http_server::serve() {
    for (;;) {
        const int socket = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (socket < 0) {
            if (errno != EINTR && errno != ECONNABORTED) std::this_thread::sleep_for(100ms);
            continue;
        }
        const timeval patience{5, 0};
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        serve_connection(socket);
        shutdown(socket, SHUT_WR);
        close(socket);
    }
}

bool python_http_server::answered_by_fault(int socket, const python_request& request) {
    const auto& route = request.path;
    if (const auto slow = faults_.fire("slow_reply", route))
        std::this_thread::sleep_for(std::chrono::milliseconds(slow->value("ms", 1000)));
    if (const auto hang = faults_.fire("hang", route)) {
        const int ms = hang->value("ms", -1);
        for (int waited = 0; ms < 0 || waited < ms; waited += 20) std::this_thread::sleep_for(20ms);
        return true;
    }
    if (faults_.fire("drop_reply", route)) return true;
    if (faults_.fire("empty_reply", route)) {
        send_all(socket, head_for(200));
        return true;
    }
    const auto armed = faults_.active_faults().value("status_reply", nlohmann::json::object());
    const std::string wanted = armed.value("args", nlohmann::json::object()).value("holding", "");
    const bool holds = request.body.find(wanted) != std::string::npos;
    if (const auto status = holds ? faults_.fire("status_reply", route) : std::nullopt) {
        send_all(socket, head_for(status->value("status", 500)) + status->value("body", ""));
        return true;
    }
    if (const auto garbage = faults_.fire("garbage_reply", route)) {
        const bool http = garbage->value("level", "body") == "http";
        send_all(socket, http ? "\x16\x03\x01 garbage, not an answer\r\n\r\n" : head_for(200) + "not json");
        return true;
    }
    if (faults_.fire("unknown_uid", route)) {
        send_all(socket, head_for(200) + R"({"error": "Invalid uid"})");
        return true;
    }
    return false;
}

// The head goes out before the handler's work is done, as the scripts do it.
void python_http_server::send_answer(int socket, const python_request& request, const python_body& body) {
    const bool truncated = faults_.fire("truncated_reply", request.path).has_value();
    log_request(request, 200);
    send_all(socket, head_for(200));
    auto text = body();
    if (truncated) text.resize(text.size() / 2);
    send_all(socket, text);
}

void python_http_server::serve_connection(int socket) {
    const auto request = read_request(socket);
    if (!request) return;
    if (request->method != "GET" && request->method != "POST") {
        log_request(*request, 501);
        send_all(socket, head_for(501));
        return;
    }
    if (answered_by_fault(socket, *request)) return;
    if (const auto body = handler_(*request)) send_answer(socket, *request, *body);
}

}  // namespace corral::sim
