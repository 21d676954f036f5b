#include "admin_client.hpp"

#include <cerrno>
#include <cstring>
#include <string>

#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "unix_socket.hpp"

namespace corral::app {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t longest_answer = 16 * 1024 * 1024;

struct closer {
    int handle;
    ~closer() { ::close(handle); }
};

core::failure broken(const fs::path& path, const std::string& why) {
    return core::make_failure(core::errc::protocol, "the Corral at '" + path.string() + "' " + why);
}

core::result<std::string> talk(int socket, const fs::path& path, const std::string& line,
                               core::seconds longest) {
    const timeval limit{longest.count(), 0};
    ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    std::string_view rest = line;
    while (!rest.empty()) {
        const ssize_t sent = ::send(socket, rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR) {
            return broken(path, std::string("does not take the question: ") + std::strerror(errno));
        }
        rest.remove_prefix(static_cast<std::size_t>(sent > 0 ? sent : 0));
    }
    std::string answer;
    while (answer.find('\n') == std::string::npos) {
        char piece[16 * 1024];
        const ssize_t got = ::recv(socket, piece, sizeof piece, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0 || answer.size() > longest_answer) {
            const bool late = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
            return broken(path, late ? "does not answer in time" : "ended the connection without an answer");
        }
        answer.append(piece, static_cast<std::size_t>(got));
    }
    return answer;
}

}  // namespace

core::result<admin_json> ask_daemon(const std::vector<fs::path>& places, const admin_json& asked,
                                    core::seconds longest) {
    if (places.empty()) {
        return core::make_failure(core::errc::not_found, "the configuration switches the admin socket off");
    }
    std::string tried;
    for (const fs::path& path : places) {
        const auto connected = connect_unix(path);
        if (!connected) {
            const int why = connected.error().code.value();
            tried += (tried.empty() ? "" : ", ") + path.string();
            if (why != ENOENT && why != ECONNREFUSED) {
                tried += " (" + connected.error().code.message() + ")";
            }
            continue;
        }
        const closer ends{*connected};
        const std::string line = asked.dump(-1, ' ', false, admin_json::error_handler_t::replace) + "\n";
        const auto text = talk(*connected, path, line, longest);
        if (!text) {
            return text.error();
        }
        admin_json answer = admin_json::parse(*text, nullptr, false);
        if (!answer.is_object()) {
            return broken(path, "answered with something that is not understood");
        }
        return answer;
    }
    return core::make_failure(core::errc::not_found,
                              "no Corral answers at " + tried +
                                  "; is it running? Say --socket PATH, or --config FILE "
                                  "with its configuration");
}

}  // namespace corral::app
