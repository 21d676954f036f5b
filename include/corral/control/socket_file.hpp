#pragma once
// The operator's socket: a Unix stream socket for the command line of the same machine and user, or root. What is spoken
// there is HTTP, the API of the box (docs/dashboard.md) with every right.

#include <filesystem>

#include <sys/types.h>

#include "corral/core/owned_fd.hpp"
#include "corral/core/result.hpp"

namespace corral::control {

// Whether root or the user of this process is at the other end.
[[nodiscard]] bool is_trusted(int connected_socket);
// The process at the other end, as a descriptor that is readable once it has ended; none where the kernel does not say.
[[nodiscard]] core::owned_fd process_at(int connected_socket);

class socket_file {
public:
    // Makes the folder (mode 0700) if it is not there, and listens, for this user alone.
    [[nodiscard]] static core::result<socket_file> listen(const std::filesystem::path& path);
    socket_file(socket_file&& other) noexcept;
    socket_file(const socket_file&) = delete;
    socket_file& operator=(const socket_file&) = delete;
    ~socket_file() { remove(); }

    // The listening socket, to be served; once.
    [[nodiscard]] int take() noexcept { return socket_.release(); }
    // Empty once it was removed.
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
    // Somebody deleted it, so that no client can connect. Looks at the disk, which may hang: not on the loop.
    [[nodiscard]] static bool is_gone(const std::filesystem::path& path);
    // `next` takes its place; its own file is gone, and its inode may be that of the next.
    void replace_with(socket_file&& next) noexcept;
    // The file goes, unless another process has replaced it.
    void remove();

private:
    socket_file() = default;

    core::owned_fd socket_;
    std::filesystem::path path_;
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

}  // namespace corral::control
