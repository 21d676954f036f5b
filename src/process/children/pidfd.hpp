#pragma once
// The pidfd calls. Not by <sys/pidfd.h>: glibc 2.36 declares them there without extern "C".

#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

namespace corral::process {

// A close-on-exec descriptor of the process, or -1 with errno.
[[nodiscard]] inline int open_pidfd(pid_t pid) {
    return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
}

// 0, or -1 with errno. Can't reach another process that got the same number later.
[[nodiscard]] inline int signal_pidfd(int pidfd, int number) {
    return static_cast<int>(::syscall(SYS_pidfd_send_signal, pidfd, number, nullptr, 0));
}

}  // namespace corral::process
