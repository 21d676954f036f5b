#include "state_lock.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "corral/core/files.hpp"
#include "corral/core/say.hpp"

namespace corral::daemon {

namespace {

bool are_one_file(int one, int other) {
    struct stat first {};
    struct stat second {};
    return ::fstat(one, &first) == 0 && ::fstat(other, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

}  // namespace

core::result<core::owned_fd> lock_state(const std::filesystem::path& folder, int inherited) {
    core::owned_fd before(inherited);
    if (folder.empty()) {
        return core::owned_fd();
    }
    if (!core::make_private_folder(folder)) {
        return before;
    }
    // A file of its own, for the folder itself may be locked while its files are changed, and by whoever may read it.
    core::owned_fd file(
        ::open((folder / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
    if (!file.valid()) {
        return before;  // of an earlier image, which could open it
    }
    if (before.valid() && are_one_file(before.get(), file.get())) {
        return before;
    }
    if (::flock(file.get(), LOCK_EX | LOCK_NB) == 0) {
        return file;
    }
    if (errno == EWOULDBLOCK) {
        return core::errno_failure(EADDRINUSE, core::say("command.already-serves/state", folder));
    }
    return core::owned_fd();
}

}  // namespace corral::daemon
