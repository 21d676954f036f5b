#pragma once
// A blocking TCP client for tests that says exactly the bytes it is given, and keeps each wait short of a
// deadline.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace corral::http::test {

inline constexpr std::chrono::seconds patience{10};

class raw_client {
public:
    // `own`: where it connects from.
    explicit raw_client(std::uint16_t port, int receive_buffer = 0, const char* address = "127.0.0.1",
                        const char* own = nullptr)
        : handle_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        if (receive_buffer > 0) {
            ::setsockopt(handle_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
        }
        if (own != nullptr) {
            sockaddr_in from{};
            from.sin_family = AF_INET;
            from.sin_addr.s_addr = ::inet_addr(own);
            ::bind(handle_, reinterpret_cast<const sockaddr*>(&from), sizeof from);
        }
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = ::inet_addr(address);
        connected_ = ::connect(handle_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
    }
    raw_client(const raw_client&) = delete;
    raw_client& operator=(const raw_client&) = delete;
    raw_client(raw_client&& other) noexcept : handle_(other.handle_), connected_(other.connected_) {
        other.handle_ = -1;
    }
    ~raw_client() { close(); }

    [[nodiscard]] bool connected() const { return connected_; }
    [[nodiscard]] int handle() const { return handle_; }

    // False when the peer did not take it all.
    bool send(std::string_view text) const {
        while (!text.empty()) {
            const auto sent = ::send(handle_, text.data(), text.size(), MSG_NOSIGNAL);
            if (sent <= 0) {
                return false;
            }
            text.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }

    // As much as the systems on both sides hold now.
    void send_what_is_taken(std::string_view text) const {
        ssize_t sent = 0;
        while (!text.empty() &&
               (sent = ::send(handle_, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT)) > 0) {
            text.remove_prefix(static_cast<std::size_t>(sent));
        }
    }

    // Reads until `text` was seen, the end, or the deadline; all that was read so far.
    const std::string& read_until(std::string_view text, std::chrono::milliseconds limit = patience) {
        const auto end = std::chrono::steady_clock::now() + limit;
        while (got_.find(text) == std::string::npos && read_once(end)) {
        }
        return got_;
    }

    // Everything up to the end of stream; ended() tells whether that came.
    const std::string& read_all(std::chrono::milliseconds limit = patience) {
        const auto end = std::chrono::steady_clock::now() + limit;
        while (read_once(end)) {
        }
        return got_;
    }

    [[nodiscard]] bool ended() const { return ended_; }      // orderly end seen
    [[nodiscard]] bool was_reset() const { return reset_; }  // error seen
    void forget() { got_.clear(); }
    void half_close() const { ::shutdown(handle_, SHUT_WR); }
    void reset() {
        const linger now{1, 0};
        ::setsockopt(handle_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        close();
    }
    void close() {
        if (handle_ >= 0) {
            ::close(handle_);
            handle_ = -1;
        }
    }

private:
    bool read_once(std::chrono::steady_clock::time_point end) {
        if (ended_ || reset_) {
            return false;
        }
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        pollfd what{handle_, POLLIN, 0};
        if (left.count() <= 0 || ::poll(&what, 1, static_cast<int>(left.count())) <= 0) {
            return false;
        }
        char part[65536];
        const auto size = ::recv(handle_, part, sizeof part, 0);
        if (size > 0) {
            got_.append(part, static_cast<std::size_t>(size));
            return true;
        }
        (size == 0 ? ended_ : reset_) = true;
        return false;
    }

    int handle_;
    bool connected_ = false;
    bool ended_ = false;
    bool reset_ = false;
    std::string got_;
};

// The message's body: what follows the first empty line.
inline std::string body_of(const std::string& answer) {
    const std::size_t at = answer.find("\r\n\r\n");
    return at == std::string::npos ? std::string{} : answer.substr(at + 4);
}

}  // namespace corral::http::test
