#include "telemetry/log_sinks.hpp"

#include <algorithm>
#include <cerrno>

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace corral::telemetry {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds longest_wait{5000};
constexpr milliseconds one_look{100};  // so that hurry() is heard in the middle of a wait

bool is_socket(int fd) {
    struct stat about {};
    return ::fstat(fd, &about) == 0 && S_ISSOCK(about.st_mode);
}

}  // namespace

stderr_sink::stderr_sink(int fd) : fd_(fd), is_socket_(is_socket(fd)) {}

void stderr_sink::sink_it_(const spdlog::details::log_msg& message) {
    const std::string shown = whole_line(message);
    spdlog::details::log_msg visible = message;
    visible.payload = shown;
    spdlog::memory_buf_t text;
    formatter_->format(visible, text);
    // A pipe that poll calls writable takes this many bytes at once, so the write can't block.
    if (text.size() > PIPE_BUF) {
        text.resize(PIPE_BUF);
        text[PIPE_BUF - 1] = '\n';
    }
    write_line({text.data(), text.size()});
}

bool outer_sink::wait_until_writable(int fd) const {
    const auto begin = steady_clock::now();
    for (;;) {
        const auto end = std::min(give_up_.load(), begin + longest_wait);
        const auto left = std::chrono::duration_cast<milliseconds>(end - steady_clock::now());
        pollfd ready{fd, POLLOUT, 0};
        const int found =
            ::poll(&ready, 1, static_cast<int>(std::clamp(left, milliseconds{0}, one_look).count()));
        if (found > 0) {
            return true;
        }
        if ((found < 0 && errno != EINTR) || left.count() <= 0) {
            return false;
        }
    }
}

void stderr_sink::write_line(std::string_view line) {
    while (!line.empty()) {
        if (!wait_until_writable(fd_)) {
            return;  // the line is lost: it has no reader, and there is no other place to say so
        }
        const ssize_t written = is_socket_
                                    ? ::send(fd_, line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL)
                                    : ::write(fd_, line.data(), line.size());
        if (written >= 0) {
            line.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno != EINTR && errno != EAGAIN) {
            return;
        }
    }
}

}  // namespace corral::telemetry
