#include "chat/http_exchange.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>

namespace corral::sim {
namespace {

constexpr std::array<std::pair<int, const char*>, 16> phrases{{{200, "OK"},
                                                               {400, "Bad Request"},
                                                               {401, "Unauthorized"},
                                                               {403, "Forbidden"},
                                                               {404, "Not Found"},
                                                               {405, "Method Not Allowed"},
                                                               {415, "Unsupported Media Type"},
                                                               {422, "Unprocessable Entity"},
                                                               {424, "Failed Dependency"},
                                                               {429, "Too Many Requests"},
                                                               {500, "Internal Server Error"},
                                                               {501, "Not Implemented"},
                                                               {502, "Bad Gateway"},
                                                               {503, "Service Unavailable"},
                                                               {504, "Gateway Timeout"},
                                                               {204, "No Content"}}};

std::string hexadecimal(std::size_t number) {
    std::string out;
    do {
        out.insert(out.begin(), "0123456789abcdef"[number % 16]);
        number /= 16;
    } while (number > 0);
    return out;
}

}  // namespace

const char* reason_phrase(int status) {
    for (const auto& [code, phrase] : phrases)
        if (code == status) return phrase;
    return "Unknown";
}

http_exchange::http_exchange(int socket, const http_look& look, int split, bool close_asked, int count)
    : socket_(socket),
      look_(look),
      split_(static_cast<std::size_t>(split)),
      left_(look.most_requests - count),
      closes_(close_asked || look.http10 || !look.keep_alive || (look.most_requests > 0 && left_ <= 0)) {}

std::string http_exchange::fate() const {
    if (closes_) return "Connection: close\r\n";
    if (look_.most_requests > 0) return "Keep-Alive: timeout=5, max=" + std::to_string(left_) + "\r\n";
    return "";
}

std::string http_exchange::head(int status, const std::string& content_type) const {
    std::string out = look_.http10 ? "HTTP/1.0 " : "HTTP/1.1 ";
    std::string phrase = reason_phrase(status);
    if (look_.shouts)
        for (char& c : phrase) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    out += std::to_string(status) + " " + phrase + "\r\n";
    for (const auto& [name, value] : look_.headers) out += name + ": " + value + "\r\n";
    if (!content_type.empty()) out += "Content-Type: " + content_type + "\r\n";
    return out;
}

bool http_exchange::send_all(std::string_view bytes) {
    while (!bytes.empty() && !broken_) {
        const auto n = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0)
            broken_ = true;
        else
            bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return !broken_;
}

bool http_exchange::send_split(std::string_view bytes) {
    const auto step = split_ == 0 ? std::max<std::size_t>(bytes.size(), 1) : split_;
    for (std::size_t at = 0; at < bytes.size(); at += step)
        if (!send_all(bytes.substr(at, step))) return false;
    return !broken_;
}

void http_exchange::answer(int status, const std::string& content_type, const std::string& body,
                           const std::vector<std::pair<std::string, std::string>>& more) {
    answered_ = true;
    auto text = head(status, content_type) + "Content-Length: " + std::to_string(body.size()) + "\r\n";
    for (const auto& [name, value] : more) text += name + ": " + value + "\r\n";
    text += fate() + "\r\n";
    if (truncates_) closes_ = true;
    if (split_ > 0) {
        if (send_all(text)) send_split(body);
    } else {
        send_all(text + (truncates_ ? body.substr(0, body.size() / 2) : body));
    }
}

void http_exchange::begin_stream(int status, const std::string& content_type) {
    answered_ = true;
    auto text = head(status, content_type);
    if (!look_.http10) {
        text += "Transfer-Encoding: chunked\r\n";
    } else {
        closes_ = true;
    }
    text += fate() + "\r\n";
    if (look_.lazy_head)
        unsent_ = text;
    else
        send_all(text);
}

bool http_exchange::write(std::string_view bytes) {
    if (bytes.empty()) return !broken_;
    if (!unsent_.empty()) send_all(std::exchange(unsent_, {}));
    if (look_.http10) return send_split(bytes);
    const auto step = split_ == 0 ? bytes.size() : split_;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
        const auto part = bytes.substr(at, step);
        if (!send_all(hexadecimal(part.size()) + "\r\n" + std::string(part) + "\r\n")) return false;
    }
    return !broken_;
}

void http_exchange::end_stream() {
    if (!unsent_.empty()) send_all(std::exchange(unsent_, {}));
    if (!look_.http10) send_all("0\r\n\r\n");
    closes_ = closes_ || look_.hangs_up;
}

void http_exchange::abandon() {
    answered_ = true;
    closes_ = true;
}

bool http_exchange::gone() const {
    if (broken_) return true;
    char byte = 0;
    const auto n = recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

}  // namespace corral::sim
