#include "cli/haproxy_socket.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "corral/core/owned_fd.hpp"

namespace corral::cli {

namespace {

constexpr core::seconds answer_limit{5};
constexpr std::size_t longest_answer = 64UL * 1024 * 1024;

core::failure not_asked(const std::filesystem::path& socket, const std::string& why) {
    return core::make_failure(core::errc::unavailable,
                              "HAProxy can't be asked at " + socket.string() + ": " + why +
                                  "; see that it runs with the configuration of 'corral fleet render', and "
                                  "that this user may use its socket");
}

core::failure not_asked(const std::filesystem::path& socket, int error) {
    return not_asked(socket, std::strerror(error));
}

// False: the time is over.
bool wait_for(int descriptor, short events, core::steady_time until) {
    while (true) {
        const auto left =
            std::chrono::ceil<core::milliseconds>(until - std::chrono::steady_clock::now()).count();
        pollfd one{descriptor, events, 0};
        const int ready = left <= 0 ? 0 : ::poll(&one, 1, static_cast<int>(left));
        if (ready >= 0 || errno != EINTR) {
            return ready > 0;
        }
    }
}

}  // namespace

core::result<std::string> ask_haproxy(const std::filesystem::path& socket, std::string_view command) {
    const core::steady_time until = std::chrono::steady_clock::now() + answer_limit;
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    const std::string path = socket.string();
    if (path.size() >= sizeof at.sun_path) {
        return not_asked(socket, "the path is longer than a socket's may be");
    }
    std::memcpy(at.sun_path, path.c_str(), path.size() + 1);
    const core::owned_fd line(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    // A full backlog is EAGAIN: HAProxy stands still.
    if (line.get() < 0 || ::connect(line.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) {
        return not_asked(socket, errno);
    }
    std::string words = std::string(command) + "\n";
    while (!words.empty()) {
        if (!wait_for(line.get(), POLLOUT, until)) {
            return not_asked(socket, "it takes nothing");
        }
        const auto sent = ::send(line.get(), words.data(), words.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            return not_asked(socket, errno);
        }
        words.erase(0, sent < 0 ? 0 : static_cast<std::size_t>(sent));
    }
    std::string answer;
    std::array<char, 64 * 1024> piece{};
    while (true) {
        if (!wait_for(line.get(), POLLIN, until)) {
            return not_asked(socket, "it does not answer within 5 s");
        }
        const auto got = ::recv(line.get(), piece.data(), piece.size(), 0);
        if (got == 0) {
            return answer;
        }
        if (got < 0 && errno != EAGAIN && errno != EINTR) {
            return not_asked(socket, errno);
        }
        answer.append(piece.data(), got < 0 ? 0 : static_cast<std::size_t>(got));
        if (answer.size() > longest_answer) {
            return not_asked(socket, "its answer is longer than 64 MiB");
        }
    }
}

core::result<boxes::edge_sight> look_at_haproxy(const std::filesystem::path& socket) {
    constexpr const char* foreign =
        "it runs a configuration without the lists of 'corral fleet render' of this version";
    boxes::edge_sight out;
    const auto table = ask_haproxy(socket, "show stat -1 2 -1");
    if (!table) {
        return table.error();
    }
    out.slots = boxes::slots_in(*table);
    const auto list = [&](unsigned id) -> core::result<std::vector<std::string>> {
        const auto text = ask_haproxy(socket, "show acl #" + std::to_string(id));
        if (!text) {
            return text.error();
        }
        auto names = boxes::patterns_in(*text);
        if (!names) {
            return not_asked(socket, foreign);
        }
        return *std::move(names);
    };
    auto gone = list(boxes::gone_list);
    if (!gone) {
        return gone.error();
    }
    out.gone = *std::move(gone);
    for (boxes::seen_slot& slot : out.slots) {
        auto models = list(slot.id);
        if (!models) {
            return models.error();
        }
        slot.models = *std::move(models);
    }
    const auto servers = ask_haproxy(socket, "show servers state");
    if (!servers) {
        return servers.error();
    }
    out.servers = boxes::servers_in(*servers);
    return out;
}

}  // namespace corral::cli
