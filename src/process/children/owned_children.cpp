#include "process/children/owned_children.hpp"

#include <cerrno>
#include <set>

#include <sys/wait.h>
#include <unistd.h>

#include "corral/process/warden.hpp"
#include "process/proc_files.hpp"

namespace corral::process {

namespace {

constexpr std::size_t max_reaped_at_once = 4096;

std::set<pid_t>& owned() {
    static std::set<pid_t> children;
    return children;
}

bool reap(pid_t pid) {
    int status = 0;
    return ::waitpid(pid, &status, WNOHANG) == pid;
}

// The kernel names only one ended child, and for as long as that is one of ours nothing behind it can be seen
// that way.
std::size_t reap_by_scan() {
    std::size_t reaped = 0;
    for (const pid_t pid : own_children()) {
        if (!is_owned_child(pid) && reap(pid)) {
            ++reaped;
        }
    }
    return reaped;
}

}  // namespace

void own_child(pid_t pid) {
    owned().insert(pid);
}

void disown_child(pid_t pid) {
    owned().erase(pid);
}

bool is_owned_child(pid_t pid) {
    return owned().contains(pid);
}

std::size_t reap_orphans() {
    std::size_t reaped = 0;
    while (reaped < max_reaped_at_once) {
        siginfo_t info{};
        const int answer = ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
        if (answer != 0 && errno == EINTR) {
            continue;
        }
        if (answer != 0 || info.si_pid == 0) {
            return reaped;
        }
        if (is_owned_child(info.si_pid)) {
            return reaped + reap_by_scan();
        }
        if (!reap(info.si_pid)) {
            return reaped;
        }
        ++reaped;
    }
    return reaped;
}

}  // namespace corral::process
