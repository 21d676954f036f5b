#include "listening_socket.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace corral::sim {

listening_socket listen_on(const std::string& address, int port, int backlog) {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(static_cast<std::uint16_t>(port));
    const auto host = address == "localhost" ? std::string("127.0.0.1") : address;
    if (inet_pton(AF_INET, host.c_str(), &where.sin_addr) != 1) {
        errno = EADDRNOTAVAIL;
        return {};
    }
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int yes = 1;
    socklen_t length = sizeof where;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        ::bind(fd, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0 ||
        listen(fd, backlog) != 0 || getsockname(fd, reinterpret_cast<sockaddr*>(&where), &length) != 0) {
        const int why = errno;
        if (fd >= 0) {
            close(fd);
        }
        errno = why;
        return {};
    }
    return {fd, ntohs(where.sin_port)};
}

}  // namespace corral::sim
