#include "corral/control/socket_file.hpp"

#include <cerrno>
#include <string>
#include <utility>

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "corral/core/files.hpp"
#include "corral/core/say.hpp"
#include "corral/telemetry/log.hpp"
#include "unix_socket.hpp"

namespace corral::control {

bool is_trusted(int connected_socket) {
    const auto who = peer_of(connected_socket);
    const bool trusted = who && (who->uid == 0 || who->uid == ::geteuid());
    if (!trusted) {
        telemetry::warn(core::say("command.may-not-ask/refused", who ? std::to_string(who->uid) : "unknown"));
    }
    return trusted;
}

core::owned_fd process_at(int connected_socket) {
    const auto who = peer_of(connected_socket);
    return core::owned_fd(who && who->pid > 0 ? static_cast<int>(::syscall(SYS_pidfd_open, who->pid, 0))
                                              : -1);
}

core::result<socket_file> socket_file::listen(const std::filesystem::path& path) {
    if (auto made = core::make_private_folder(path.parent_path()); !made) {
        return made.error();
    }
    const auto opened = listen_unix(path);
    if (!opened) {
        return opened.error();
    }
    socket_file out;
    out.socket_ = core::owned_fd(*opened);
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0) {
        return core::failure{core::error_code(errno, boost::system::system_category()),
                             core::say("command.socket-file/admin", path.string())};
    }
    out.path_ = path;
    out.device_ = found.st_dev;
    out.inode_ = found.st_ino;
    return out;
}

socket_file::socket_file(socket_file&& other) noexcept
    : socket_(std::move(other.socket_)),
      path_(std::exchange(other.path_, {})),
      device_(other.device_),
      inode_(other.inode_) {}

bool socket_file::is_gone(const std::filesystem::path& path) {
    struct stat found {};
    return ::lstat(path.c_str(), &found) != 0 && errno == ENOENT;
}

void socket_file::replace_with(socket_file&& next) noexcept {
    socket_ = std::move(next.socket_);
    path_ = std::exchange(next.path_, {});
    device_ = next.device_;
    inode_ = next.inode_;
}

void socket_file::remove() {
    struct stat found {};
    const bool ours = !path_.empty() && ::lstat(path_.c_str(), &found) == 0 && found.st_dev == device_ &&
                      found.st_ino == inode_;
    if (ours) {
        ::unlink(path_.c_str());  // a socket that stays is replaced by the next start
    }
    path_.clear();
}

}  // namespace corral::control
