#include "process/children/birthmark.hpp"

#include <cerrno>
#include <csignal>
#include <set>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "corral/core/owned_fd.hpp"
#include "corral/process/warden.hpp"
#include "process/children/pidfd.hpp"
#include "process/proc_files.hpp"

namespace corral::process {

namespace {

// From the top: 9 bits that say what it is, 10 of the serial, 22 of each pid (the kernel has no greater ones).
constexpr unsigned pid_bits = 22;
constexpr unsigned serial_bits = 10;
constexpr std::uint64_t magic = 0x0B5;
constexpr unsigned magic_at = 2 * pid_bits + serial_bits;
constexpr std::uint64_t pid_mask = (1ULL << pid_bits) - 1;
constexpr std::uint64_t serial_mask = (1ULL << serial_bits) - 1;
constexpr int max_generations = 4096;
// What forks as fast as it is killed is met again at once: each pass over our own children takes microseconds.
constexpr int quick_passes = 32;
// The loop waits for a pass; the next one returns the others.
constexpr std::size_t most_at_once = 64;

bool is_alive(pid_t pid) {
    const auto row = read_process(pid);
    return row && !row->ended();
}

// By parents alone: we are the subreaper, so the chain of a descendant leads here whoever has died in between.
bool is_own_descendant(pid_t pid) {
    const pid_t self = ::getpid();
    for (int generation = 0; generation < max_generations && pid > 1; ++generation) {
        const auto row = read_process(pid);
        if (!row) {
            return false;
        }
        if (row->parent == self) {
            return true;
        }
        pid = row->parent;
    }
    return false;
}

bool carries(pid_t pid, const mark_filter& wanted) {
    const auto mark = birthmark_of(pid);
    return mark && wanted(pid, *mark);
}

// The handle comes before the second look: what is killed is what was looked at. Without one (no descriptors left) the
// look just before has to do.
bool kill_if_marked(pid_t pid, const mark_filter& wanted) {
    if (!carries(pid, wanted)) {
        return false;
    }
    const core::owned_fd handle(open_pidfd(pid));
    if (!carries(pid, wanted) || !is_alive(pid)) {
        return false;
    }
    const int sent = handle.valid() ? signal_pidfd(handle.get(), SIGKILL) : ::kill(pid, SIGKILL);
    return sent == 0;
}

bool inherits_orphans() {
    int set = 0;
    return ::prctl(PR_GET_CHILD_SUBREAPER, &set) == 0 && set != 0;
}

// An orphan that the system gave to another parent is known by its mark alone, which names this process.
bool is_own_offspring(pid_t pid, bool inherits) {
    return is_own_descendant(pid) || (!inherits && is_of_own_namespace(pid));
}

bool is_ownerless(pid_t child) {
    const auto mark = is_owned_child(child) ? std::nullopt : birthmark_of(child);
    return mark && mark->daemon == ::getpid() && !is_owned_child(mark->leader) && is_alive(child);
}

}  // namespace

std::uint64_t number_of(const birthmark& mark) noexcept {
    return magic << magic_at | (mark.serial & serial_mask) << (2 * pid_bits) |
           (static_cast<std::uint64_t>(mark.daemon) & pid_mask) << pid_bits |
           (static_cast<std::uint64_t>(mark.leader) & pid_mask);
}

std::optional<birthmark> parse_birthmark(std::uint64_t number) noexcept {
    if (number >> magic_at != magic) {
        return std::nullopt;
    }
    birthmark mark;
    mark.leader = static_cast<pid_t>(number & pid_mask);
    mark.daemon = static_cast<pid_t>(number >> pid_bits & pid_mask);
    mark.serial = static_cast<unsigned>(number >> (2 * pid_bits) & serial_mask);
    return mark.leader > 1 && mark.daemon > 0 ? std::optional(mark) : std::nullopt;
}

std::optional<birthmark> birthmark_of(pid_t pid) {
    rlimit limit{};
    if (pid <= 0 || ::prlimit(pid, RLIMIT_LOCKS, nullptr, &limit) != 0) {
        return std::nullopt;
    }
    return parse_birthmark(limit.rlim_max);
}

std::size_t kill_marked(const mark_filter& wanted) {
    std::size_t alive = 0;
    const std::vector<pid_t> all = all_processes();
    for (auto pid = all.begin(); pid != all.end() && alive < most_at_once; ++pid) {
        alive += *pid != ::getpid() && kill_if_marked(*pid, wanted) ? 1 : 0;
    }
    return alive;
}

std::size_t kill_marked_descendants(const birthmark& wanted) {
    const bool inherits = inherits_orphans();
    return kill_marked([&](pid_t pid, const birthmark& mark) {
        return mark == wanted && mark.daemon == ::getpid() && is_own_offspring(pid, inherits);
    });
}

std::size_t kill_ownerless() {
    std::size_t killed = 0;
    bool found = true;
    for (int pass = 0; pass < quick_passes && found; ++pass) {
        found = false;
        for (const pid_t child : own_children()) {
            // Only we reap it, so the number stays its own.
            if (is_ownerless(child) && ::kill(child, SIGKILL) == 0) {
                found = true;
                ++killed;
            }
        }
    }
    return killed;
}

bool is_of_own_namespace(pid_t pid) {
    struct stat own {};
    struct stat its {};
    const std::string path = "/proc/" + std::to_string(pid) + "/ns/pid";
    return ::stat("/proc/self/ns/pid", &own) == 0 && ::stat(path.c_str(), &its) == 0 &&
           own.st_ino == its.st_ino && own.st_dev == its.st_dev;
}

bool is_marked_stray(pid_t pid, const birthmark& mark) {
    const auto its = read_process(pid);
    const auto daemon = read_process(mark.daemon);
    // A daemon is older than all that it started.
    const bool daemon_lives = daemon && !daemon->ended() && its && daemon->start_time <= its->start_time;
    return its && !its->ended() && !daemon_lives && is_of_own_namespace(pid);
}

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
