#include "runtime/connection_stream.hpp"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace corral::sim {
namespace {

using namespace std::chrono_literals;

constexpr auto io_timeout = 5000ms;
constexpr std::string_view head_end = "\r\n\r\n";
constexpr std::string_view cors_line = "Access-Control-Allow-Origin: *\r\n";

bool wait_for(int socket, short events, std::chrono::milliseconds wait) {
    pollfd entry{socket, events, 0};
    const auto end = std::chrono::steady_clock::now() + wait;
    for (;;) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        const int n = poll(&entry, 1, static_cast<int>(std::max(left, 0ms).count()));
        if (n >= 0 || errno != EINTR) return n > 0;
    }
}

void describe(const sockaddr_in& address, std::string& ip, int& port) {
    char text[INET_ADDRSTRLEN] = "";
    inet_ntop(AF_INET, &address.sin_addr, text, sizeof text);
    ip = text;
    port = ntohs(address.sin_port);
}

// The original's library keeps its headers by name; that of a newer one in no order.
std::string sorted_head(std::string_view text, bool without_cors) {
    const auto first = text.find("\r\n");
    const auto last = text.find(head_end);
    if (first == text.npos || last == text.npos) return std::string(text);
    std::vector<std::string_view> lines;
    for (auto at = first + 2; at < last + 2; at = text.find("\r\n", at) + 2) {
        const auto line = text.substr(at, text.find("\r\n", at) + 2 - at);
        if (!without_cors || line != cors_line) lines.push_back(line);
    }
    std::stable_sort(lines.begin(), lines.end());
    std::string out(text.substr(0, first + 2));
    for (const auto line : lines) out += line;
    return out += text.substr(last + 2);
}

}  // namespace

reply_plan& plan_of_this_thread() {
    thread_local reply_plan plan;
    return plan;
}

bool connection_stream::wait_readable(int socket, std::chrono::milliseconds wait) {
    return wait_for(socket, POLLIN, wait);
}

bool connection_stream::comes() const {
    return begin_ < end_ || wait_for(socket_, POLLIN, io_timeout);
}
bool connection_stream::goes() const {
    return wait_for(socket_, POLLOUT, io_timeout);
}

#ifdef CPPHTTPLIB_VERSION_NUM
bool connection_stream::is_readable() const {
    return begin_ < end_;
}
bool connection_stream::wait_readable() const {
    return comes();
}
bool connection_stream::wait_writable() const {
    return goes();
}
time_t connection_stream::duration() const {
    return 0;  // asked of clients alone
}
#else
bool connection_stream::is_readable() const {
    return comes();
}
bool connection_stream::is_writable() const {
    return goes();
}
#endif

ssize_t connection_stream::read(char* to, size_t size) {
    if (begin_ == end_) {
        // A body that was not announced and does not come counts as empty in the original's version.
        if (!comes()) return head_end_seen_ == head_end.size() ? 0 : -1;
        const auto n = recv(socket_, buffer_, sizeof buffer_, 0);
        if (n <= 0) return n;
        begin_ = 0;
        end_ = static_cast<std::size_t>(n);
    }
    const auto n = std::min(size, end_ - begin_);
    std::memcpy(to, buffer_ + begin_, n);
    watch_for_head_end(to, n);
    begin_ += n;
    return static_cast<ssize_t>(n);
}

void connection_stream::watch_for_head_end(const char* bytes, std::size_t size) {
    for (std::size_t i = 0; i < size && head_end_seen_ < head_end.size(); ++i) {
        if (bytes[i] == head_end[head_end_seen_])
            ++head_end_seen_;
        else
            head_end_seen_ = bytes[i] == '\r' ? 1 : 0;
    }
}

ssize_t connection_stream::send_all(const char* from, size_t size) {
    if (!goes()) return -1;
    if (writes_ == 1) {
        const auto head = sorted_head({from, size}, !plan_of_this_thread().routed);
        return send(socket_, head.data(), head.size(), MSG_NOSIGNAL) < 0 ? -1 : static_cast<ssize_t>(size);
    }
    return send(socket_, from, size, MSG_NOSIGNAL);
}

// The library sends the head in one call and the body in a second one.
ssize_t connection_stream::write(const char* from, size_t size) {
    ++writes_;
    switch (plan_of_this_thread().damage) {
        case reply_damage::none:
            break;
        case reply_damage::drop:
            damaged_ = true;
            return -1;
        case reply_damage::not_http: {
            damaged_ = true;
            constexpr char noise[] = "\x16\x03\x01 garbage, not an answer\r\n\r\n";
            send_all(noise, sizeof noise - 1);
            return -1;
        }
        case reply_damage::truncate:
            if (writes_ == 1) break;
            damaged_ = true;
            send_all(from, size / 2);
            return -1;
    }
    return send_all(from, size);
}

void connection_stream::get_remote_ip_and_port(std::string& ip, int& port) const {
    sockaddr_in address{};
    socklen_t length = sizeof address;
    if (getpeername(socket_, reinterpret_cast<sockaddr*>(&address), &length) == 0)
        describe(address, ip, port);
}

void connection_stream::get_local_ip_and_port(std::string& ip, int& port) const {
    sockaddr_in address{};
    socklen_t length = sizeof address;
    if (getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &length) == 0)
        describe(address, ip, port);
}

}  // namespace corral::sim
