#include "http_call.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace corral::benchmark {
namespace {

constexpr timeval longest_silence{60, 0};

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

void send_all(int socket, std::string_view text) {
    while (!text.empty()) {
        const auto n = send(socket, text.data(), text.size(), MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) fail("send");
        text.remove_prefix(static_cast<std::size_t>(n));
    }
}

int connected_socket(std::uint16_t port) {
    const int made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (made < 0) fail("socket");
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    if (setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        setsockopt(made, SOL_SOCKET, SO_RCVTIMEO, &longest_silence, sizeof longest_silence) != 0 ||
        connect(made, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
        const int error = errno;
        close(made);
        errno = error;
        fail("connect");
    }
    return made;
}

std::string_view header_value(std::string_view header, std::string_view name) {
    for (auto at = header.find("\r\n"); at != std::string_view::npos; at = header.find("\r\n", at + 2)) {
        auto line = header.substr(at + 2);
        line = line.substr(0, line.find("\r\n"));
        const auto colon = line.find(':');
        if (colon != name.size() || strncasecmp(line.data(), name.data(), colon) != 0) continue;
        line.remove_prefix(colon + 1);
        while (line.starts_with(' ')) line.remove_prefix(1);
        return line;
    }
    return {};
}

std::size_t number(std::string_view text, int base) {
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc{} || end == text.data())
        throw std::runtime_error("not a length: " + std::string(text));
    return value;
}

}  // namespace

std::int64_t monotonic_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

http_call::http_call(std::uint16_t port, std::string_view method, std::string_view target,
                     std::string_view json)
    : socket_(connected_socket(port)) {
    std::string request(method);
    request.append(" ").append(target).append(" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n");
    if (!json.empty())
        request.append("Content-Type: application/json\r\nContent-Length: ")
            .append(std::to_string(json.size()))
            .append("\r\n");
    request.append("\r\n").append(json);
    send_all(socket_, request);
}

http_call::~http_call() {
    close(socket_);
}

void http_call::leave_no_trace() const {
    const linger at_once{1, 0};
    if (setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) != 0) fail("SO_LINGER");
}

bool http_call::receive() {
    char buffer[16384];
    ssize_t n = 0;
    do {
        n = recv(socket_, buffer, sizeof buffer, 0);
    } while (n < 0 && errno == EINTR);
    read_at_ = monotonic_ns();
    if (n < 0) fail("recv");
    raw_.append(buffer, static_cast<std::size_t>(n));
    return n > 0;
}

int http_call::read_header() {
    auto end = raw_.find("\r\n\r\n");
    while (end == std::string::npos) {
        if (!receive()) throw std::runtime_error("the connection ended before a header");
        end = raw_.find("\r\n\r\n");
    }
    const auto header = raw_.substr(0, end + 2);
    raw_.erase(0, end + 4);
    chunked_ = header_value(header, "transfer-encoding") == "chunked";
    const auto length = header_value(header, "content-length");
    content_length_ = length.empty() ? 0 : number(length, 10);
    const auto space = header.find(' ');
    if (space == std::string::npos) throw std::runtime_error("not HTTP: " + header);
    return static_cast<int>(number(std::string_view(header).substr(space + 1), 10));
}

std::string http_call::read_body() {
    std::string body;
    if (chunked_) {
        std::string line;
        while (read_line(line)) body.append(line).append("\n");
        return body;
    }
    while (raw_.size() < content_length_)
        if (!receive()) throw std::runtime_error("the connection ended within a body");
    return raw_.substr(0, content_length_);
}

// Moves whole and partial chunks from raw_ to plain_.
void http_call::unchunk() {
    while (!ended_) {
        if (chunk_left_ > 2) {
            const auto take = std::min(chunk_left_ - 2, raw_.size());
            if (take == 0) return;
            plain_.append(raw_, 0, take);
            raw_.erase(0, take);
            chunk_left_ -= take;
        } else if (chunk_left_ > 0) {  // the line end that closes a chunk
            const auto take = std::min(chunk_left_, raw_.size());
            if (take == 0) return;
            raw_.erase(0, take);
            chunk_left_ -= take;
        } else {
            const auto end = raw_.find("\r\n");
            if (end == std::string::npos) return;
            const auto size = number(raw_, 16);
            raw_.erase(0, end + 2);
            ended_ = size == 0;
            chunk_left_ = size + 2;
        }
    }
}

bool http_call::read_line(std::string& line) {
    for (;;) {
        unchunk();
        if (const auto end = plain_.find('\n'); end != std::string::npos) {
            line = plain_.substr(0, end);
            plain_.erase(0, end + 1);
            return true;
        }
        if (ended_) {
            line = std::exchange(plain_, {});
            return !line.empty();
        }
        if (!receive()) throw std::runtime_error("the connection ended within a chunked body");
    }
}

}  // namespace corral::benchmark
