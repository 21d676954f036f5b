#include "stream_client.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <stdexcept>
#include <system_error>

#include "http_call.hpp"
#include "stream_socket.hpp"

namespace corral::benchmark {
namespace {

struct client {
    int socket = -1;
    std::int64_t sent_ns = 0;
    long pieces = 0;   // of the answer of now
    long rounds = 0;   // that were begun
    std::string rest;  // of a line
};

class crowd {
public:
    explicit crowd(stream_load what) : what_(std::move(what)), loop_(epoll_create1(EPOLL_CLOEXEC)) {}

    stream_figures run() {
        clients_.resize(static_cast<std::size_t>(what_.streams));
        // Spread over one interval, as people are.
        const std::int64_t step = 1'000'000'000 / what_.rate / what_.streams;
        const std::int64_t begin = monotonic_ns();
        long begun = 0;
        long over = 0;
        while (over < what_.streams) {
            while (begun < what_.streams && monotonic_ns() >= begin + begun * step) {
                connect_one(static_cast<std::size_t>(begun++));
            }
            over += follow(begun < what_.streams ? begin + begun * step : 0);
        }
        return std::move(out_);
    }

private:
    void connect_one(std::size_t which) {
        client& now = clients_[which];
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(what_.port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const int yes = 1;
        now.sent_ns = monotonic_ns();
        now.socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (now.socket < 0 || connect(now.socket, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
            throw std::system_error(errno, std::generic_category(), "connect");
        setsockopt(now.socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        epoll_event wanted{};
        wanted.events = EPOLLIN;
        wanted.data.u64 = which;
        if (epoll_ctl(loop_, EPOLL_CTL_ADD, now.socket, &wanted) != 0)
            throw std::system_error(errno, std::generic_category(), "epoll_ctl");
        ask(now);
    }

    void ask(client& now) {
        const std::string prompt =
            "pieces=" + std::to_string(what_.pieces) + " rate=" + std::to_string(what_.rate);
        const std::string body = "{\"model\":\"" + what_.model +
                                 "\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"" +
                                 prompt + "\"}]}";
        const std::string request =
            "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            "Content-Length: " +
            std::to_string(body.size()) + "\r\n\r\n" + body;
        if (now.rounds++ > 0) now.sent_ns = monotonic_ns();
        now.pieces = 0;
        const auto sent = send(now.socket, request.data(), request.size(), MSG_NOSIGNAL);
        if (sent != static_cast<ssize_t>(request.size()))
            throw std::runtime_error("a request could not be sent");
    }

    // How many clients have ended.
    long follow(std::int64_t until_ns) {
        epoll_event events[64];
        const std::int64_t left =
            until_ns == 0 ? 60'000'000'000 : std::max<std::int64_t>(0, until_ns - monotonic_ns());
        const timespec most{left / 1'000'000'000, left % 1'000'000'000};
        const int count = epoll_pwait2(loop_, events, 64, &most, nullptr);
        if (count == 0 && until_ns == 0) throw std::runtime_error("nothing came for a minute");
        long ended = 0;
        for (int k = 0; k < count; ++k) {
            ended += hear(clients_[events[k].data.u64]) ? 1 : 0;
        }
        return ended;
    }

    bool hear(client& now) {
        char buffer[65536];
        const auto got = recv(now.socket, buffer, sizeof buffer, 0);
        const std::int64_t at = monotonic_ns();
        if (got <= 0) throw std::runtime_error("a connection ended within an answer");
        now.rest.append(buffer, static_cast<std::size_t>(got));
        bool done = false;
        std::size_t begin = 0;
        for (auto end = now.rest.find('\n'); end != std::string::npos; end = now.rest.find('\n', begin)) {
            done = take(now, std::string_view(now.rest).substr(begin, end - begin), at) || done;
            begin = end + 1;
        }
        now.rest.erase(0, begin);
        if (!done) return false;
        if (now.pieces != what_.pieces)
            throw std::runtime_error("an answer had " + std::to_string(now.pieces) + " pieces");
        if (now.rounds < what_.rounds) {
            ask(now);
            return false;
        }
        close(now.socket);
        return true;
    }

    // True: it says that the answer is over.
    bool take(client& now, std::string_view line, std::int64_t at) {
        constexpr std::string_view mark = "\"content\":\"";
        if (line.starts_with("HTTP/1.1 ") && !line.starts_with("HTTP/1.1 200"))
            throw std::runtime_error("refused: " + std::string(line));
        if (line.starts_with("data: [DONE]")) return true;
        const auto begin = line.find(mark);
        if (!line.starts_with("data: ") || begin == std::string_view::npos) return false;
        auto text = line.substr(begin + mark.size());
        text = text.substr(0, text.find('"'));
        if (text.size() % (stamp_digits + 1) != 0)
            throw std::runtime_error("a piece was cut: " + std::string(text));
        for (; !text.empty(); text.remove_prefix(stamp_digits + 1)) {
            const std::string digits(text.substr(0, stamp_digits));
            const std::int64_t born = std::strtoll(digits.c_str(), nullptr, 10);
            if (now.pieces++ == 0) {
                out_.first_byte_ns.push_back(at - now.sent_ns);
            } else {
                out_.delays_ns.push_back(at - born);
            }
        }
        return false;
    }

    stream_load what_;
    int loop_;
    std::vector<client> clients_;
    stream_figures out_;
};

}  // namespace

stream_figures follow_streams(const stream_load& what) {
    return crowd(what).run();
}

}  // namespace corral::benchmark
