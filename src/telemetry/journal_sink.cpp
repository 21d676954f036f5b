// The native protocol of journald: https://systemd.io/JOURNAL_NATIVE_PROTOCOL/

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include <sys/socket.h>
#include <sys/un.h>

#include "corral/core/say.hpp"
#include "telemetry/log_sinks.hpp"

namespace corral::telemetry {

namespace {

constexpr std::string_view model_mark = "model ";

// "NAME:TAG" or "NAME:TAG/SERVICE" before the first ": "; any other word is no label.
void read_label(std::string_view label, log_fields& into) {
    const auto tag = label.find(':');
    const bool plain = !label.empty() && label.front() != '/' && label.find(' ') == std::string_view::npos &&
                       label.find("://") == std::string_view::npos;
    if (!plain || tag == std::string_view::npos || tag == 0) {
        return;
    }
    const auto slash = label.find('/', tag);
    into.model = label.substr(0, slash);
    if (slash != std::string_view::npos) {
        into.service = label.substr(slash + 1);
    }
}

// The value of " NAME=" outside of quotes; the last one, for Corral puts its own at the end.
void read_pairs(std::string_view line, log_fields& into, bool about_a_request) {
    bool quoted = false;
    for (std::size_t at = 0; at < line.size(); ++at) {
        quoted = line[at] == '"' ? !quoted : quoted;
        const bool begins = !quoted && (at == 0 || line[at - 1] == ' ');
        if (!begins) {
            continue;
        }
        const std::string_view word = line.substr(at, line.find(' ', at) - at);
        const auto value_behind = [&word](std::string_view name) {
            return word.starts_with(name) ? word.substr(name.size()) : std::string_view();
        };
        if (const auto event = value_behind("event="); !event.empty()) {
            into.event = event;
        } else if (const auto id = value_behind("id="); about_a_request && into.request.empty()) {
            into.request = id;
        }
        if (const auto model = value_behind("model="); !model.empty() && into.model.empty()) {
            into.model = model;
        }
    }
}

}  // namespace

log_fields fields_of(std::string_view line) {
    log_fields out;
    const bool about_a_request = line.starts_with("request id=");
    if (!about_a_request && !line.starts_with("model=")) {
        const std::string_view head = line.substr(0, std::min(line.find(": "), line.size()));
        if (line.starts_with(model_mark)) {
            const std::string_view name = head.substr(model_mark.size());
            out.model = name.find(' ') == std::string_view::npos ? name : std::string_view();
        } else if (head.size() < line.size()) {
            read_label(head, out);
        }
    }
    read_pairs(line, out, about_a_request);
    return out;
}

std::string journal_datagram(const std::vector<std::pair<std::string_view, std::string_view>>& fields) {
    std::string out;
    for (const auto& [name, value] : fields) {
        out += name;
        if (value.find('\n') == std::string_view::npos) {
            out.append("=").append(value);
        } else {
            out += '\n';
            const auto size = static_cast<std::uint64_t>(value.size());
            for (unsigned byte = 0; byte < sizeof size; ++byte) {
                out += static_cast<char>(size >> (8U * byte) & 0xFFU);
            }
            out += value;
        }
        out += '\n';
    }
    return out;
}

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
