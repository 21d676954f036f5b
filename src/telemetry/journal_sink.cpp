// The native protocol of journald: https://systemd.io/JOURNAL_NATIVE_PROTOCOL/

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <sys/socket.h>
#include <sys/un.h>

#include "corral/core/say.hpp"
#include "telemetry/log_fields.hpp"
#include "telemetry/log_sinks.hpp"
#include "telemetry/whole_line.hpp"

namespace corral::telemetry {

namespace {

// Far below what a socket takes at once, so that no datagram is refused for its size.
constexpr std::size_t longest_message = std::size_t{32} * 1024;
constexpr std::size_t longest_field = 512;

// syslog(3)
std::string_view priority_of(spdlog::level::level_enum level) {
    return level <= spdlog::level::debug  ? "7"
           : level == spdlog::level::info ? "6"
           : level == spdlog::level::warn ? "4"
                                          : "3";
}

std::string datagram_of(std::string_view line, std::string_view priority) {
    const log_fields about = fields_of(line);
    std::vector<std::pair<std::string_view, std::string_view>> fields{
        {"MESSAGE", line.substr(0, longest_message)},
        {"PRIORITY", priority},
        {"SYSLOG_IDENTIFIER", "corral"}};
    for (const auto& [name, value] : {std::pair<std::string_view, std::string_view>{"MODEL", about.model},
                                      {"SERVICE", about.service},
                                      {"EVENT", about.event},
                                      {"REQUEST_ID", about.request}}) {
        if (!value.empty()) {
            fields.emplace_back(name, value.substr(0, longest_field));
        }
    }
    return journal_datagram(fields);
}

}  // namespace

journal_sink::journal_sink(std::string socket, std::shared_ptr<stderr_sink> otherwise)
    : socket_(std::move(socket)), otherwise_(std::move(otherwise)) {}

bool journal_sink::connect() {
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    if (socket_.size() >= sizeof at.sun_path) {
        return false;
    }
    std::memcpy(at.sun_path, socket_.c_str(), socket_.size());
    core::owned_fd made(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const bool there =
        made.valid() && ::connect(made.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
    if (there) {
        fd_ = std::move(made);
    }
    return there;
}

int journal_sink::send(std::string_view datagram) {
    int why = ENOTCONN;
    bool again = true;
    while (again) {
        again = false;
        if (!fd_.valid() && !connect()) {
            return ENOTCONN;
        }
        if (::send(fd_.get(), datagram.data(), datagram.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
            return 0;
        }
        why = errno;
        if (why == EINTR) {
            again = true;
        } else if (why == EAGAIN) {
            again = wait_until_writable(fd_.get());
        } else {
            // The one at the other end is gone; a new one may stand there.
            fd_.reset();
            again = why == ECONNREFUSED && connect();
        }
    }
    return why;
}

void journal_sink::sink_it_(const spdlog::details::log_msg& message) {
    if (dropped_ > 0) {
        const core::reason lost = core::say("daemon.log/journal", dropped_);
        dropped_ = send(datagram_of(lost, priority_of(spdlog::level::warn))) == 0 ? 0 : dropped_;
    }
    const int why = send(datagram_of(whole_line(message), priority_of(message.level)));
    if (why == EAGAIN) {
        ++dropped_;
    } else if (why != 0) {
        otherwise_->log(message);
    }
}

}  // namespace corral::telemetry
