#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "programs.hpp"

namespace corral::sim {
namespace {

int complain(const std::string& path) {
    std::fprintf(stderr, "corral-sim: %s: %s\n", path.c_str(), std::strerror(errno));
    return 1;
}

}  // namespace

// Exit status 0 when the program answered ok, 1 otherwise.
int run_control(const std::vector<std::string>& args) {
    if (args.size() != 2) {
        std::fputs("usage: corral-sim control SOCKET JSON\n", stderr);
        return 2;
    }
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (args[0].size() >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return complain(args[0]);
    }
    std::memcpy(address.sun_path, args[0].c_str(), args[0].size() + 1);
    const int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection < 0 ||
        connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return complain(args[0]);
    const auto line = args[1] + "\n";
    if (send(connection, line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size()))
        return complain(args[0]);
    std::string answer;
    char buffer[65536];
    while (answer.find('\n') == std::string::npos) {
        const auto n = read(connection, buffer, sizeof buffer);
        if (n <= 0) break;
        answer.append(buffer, static_cast<std::size_t>(n));
    }
    close(connection);
    std::fputs(answer.c_str(), stdout);
    return answer.find("\"ok\":true") != std::string::npos ? 0 : 1;
}

}  // namespace corral::sim
