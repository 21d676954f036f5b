#include "unix_socket.hpp"

#include <cerrno>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "corral/core/owned_fd.hpp"
#include "corral/core/say.hpp"

namespace corral::control {

namespace {

namespace fs = std::filesystem;

constexpr int backlog = 16;
constexpr int connect_seconds = 10;

// A path as an address; `folder` must stay open while it is used.
core::result<sockaddr_un> address_of(const fs::path& path, int folder) {
    const std::string text = "/proc/self/fd/" + std::to_string(folder) + "/" + path.filename().string();
    sockaddr_un out{};
    out.sun_family = AF_UNIX;
    if (text.size() >= sizeof out.sun_path) {
        return core::path_failure("command.socket-file/too-long", path, ENAMETOOLONG);
    }
    std::memcpy(out.sun_path, text.c_str(), text.size() + 1);
    return out;
}

int open_folder_of(const fs::path& path) {
    const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
    return ::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int connect_to(int socket, const sockaddr_un& where) {
    int done = -1;
    do {
        done = ::connect(socket, reinterpret_cast<const sockaddr*>(&where), sizeof where);
    } while (done != 0 && errno == EINTR);
    return done == 0 ? 0 : errno;
}

// Removes what a dead process left.
core::result<void> clear_place(const fs::path& path, int folder, const sockaddr_un& where) {
    const std::string name = path.filename().string();
    struct stat found {};
    if (::fstatat(folder, name.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT ? core::result<void>()
                               : core::path_failure("command.socket-file/look", path, errno);
    }
    if (!S_ISSOCK(found.st_mode)) {
        return core::path_failure("command.socket-file/something-else", path, EEXIST);
    }
    const core::owned_fd trial(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!trial.valid()) {
        return core::path_failure("command.socket-file/make", path, errno);
    }
    const int why = connect_to(trial.get(), where);
    if (why == 0 || why == EAGAIN) {  // its backlog is full
        const auto who = why == 0 ? peer_of(trial.get()) : core::result<socket_peer>(socket_peer{});
        const std::string number = who && who->pid != 0 ? " (process " + std::to_string(who->pid) + ")" : "";
        return core::errno_failure(EADDRINUSE,
                                   core::say("command.already-serves/another-corral", number, path.string()));
    }
    if (why != ECONNREFUSED) {
        return core::path_failure("command.socket-file/whose", path, why);
    }
    if (::unlinkat(folder, name.c_str(), 0) != 0 && errno != ENOENT) {
        return core::path_failure("command.socket-file/replace", path, errno);
    }
    return {};
}

}  // namespace

core::result<int> listen_unix(const fs::path& path) {
    const core::owned_fd folder(open_folder_of(path));
    if (!folder.valid()) {
        return core::path_failure("files.private/open", path.parent_path(), errno);
    }
    const auto where = address_of(path, folder.get());
    if (!where) {
        return where.error();
    }
    if (const auto cleared = clear_place(path, folder.get(), *where); !cleared) {
        return cleared.error();
    }
    core::owned_fd made(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    // Before the bind, so that there is no moment at which others may connect.
    const bool opened = made.valid() && ::fchmod(made.get(), S_IRUSR | S_IWUSR) == 0 &&
                        ::bind(made.get(), reinterpret_cast<const sockaddr*>(&*where), sizeof *where) == 0 &&
                        ::listen(made.get(), backlog) == 0;
    if (!opened) {
        return core::path_failure("command.socket-file/listen", path, errno);
    }
    return made.release();
}

core::result<int> connect_unix(const fs::path& path) {
    const core::owned_fd folder(open_folder_of(path));
    if (!folder.valid()) {
        return core::path_failure("command.socket-file/connect", path, errno);
    }
    const auto where = address_of(path, folder.get());
    if (!where) {
        return where.error();
    }
    core::owned_fd made(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    // One whose backlog is full would block for ever.
    const timeval limit{connect_seconds, 0};
    const bool ready =
        made.valid() && ::setsockopt(made.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0;
    const int why = ready ? connect_to(made.get(), *where) : errno;
    if (why != 0) {
        return core::path_failure("command.socket-file/connect", path, why);
    }
    return made.release();
}

core::result<socket_peer> peer_of(int socket) {
    ucred who{};
    socklen_t size = sizeof who;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) {
        return core::errno_failure(errno, core::say("command.socket-file/tell-who", std::strerror(errno)));
    }
    return socket_peer{who.pid, who.uid};
}

}  // namespace corral::control
