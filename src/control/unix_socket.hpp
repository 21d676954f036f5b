#pragma once
// Unix stream sockets by path, however long the path is: the kernel takes 107 bytes, so a folder is opened
// and the rest said relative to it. All descriptors are close-on-exec.

#include <filesystem>

#include <sys/types.h>

#include "corral/core/result.hpp"

namespace corral::control {

// Who is at the other end, as the kernel noted when it connected (for a client: when the server listened).
struct socket_peer {
    pid_t pid = 0;
    uid_t uid = 0;
};

// A listening socket that only its owner may connect to (mode 0600), non-blocking. One that a dead process
// left at `path` is replaced; one that a process answers on is an error that names it, and what is
// not a socket is left alone.
[[nodiscard]] core::result<int> listen_unix(const std::filesystem::path& path);

// A connected, blocking socket. Failures are errnos; ENOENT and ECONNREFUSED: nothing listens there.
[[nodiscard]] core::result<int> connect_unix(const std::filesystem::path& path);

[[nodiscard]] core::result<socket_peer> peer_of(int socket);

}  // namespace corral::control
