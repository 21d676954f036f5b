#include "process/children/launcher.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <optional>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <linux/sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "corral/core/say.hpp"
#include "corral/process/exit_reason.hpp"
#include "corral/process/own_process.hpp"
#include "process/children/birthmark.hpp"
#include "process/children/pidfd.hpp"
#include "process/children/program_path.hpp"

namespace corral::process {

namespace {

constexpr std::array<std::string_view, 7> kept_variables = {
    "PATH", "HOME", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "USER"};

bool is_kept(std::string_view name) {
    return name.starts_with("LC_") ||
           std::find(kept_variables.begin(), kept_variables.end(), name) != kept_variables.end();
}

constexpr int exit_of_failed_start = 127;

enum class stage : int {
    signals,
    group,
    parent_death,
    parent_gone,
    limits,
    stdio,
    descriptors,
    directory,
    search,
    execute
};

struct start_error {
    stage where = stage::execute;
    int number = 0;
};

// All that the child needs, made before the fork: between fork and exec only async-signal-safe calls are
// allowed.
struct prepared {
    char* const* paths;
    char* const* arguments;
    char* const* environment;
    const char* working_directory;  // null: ours
    int in, out, err, errors;
    pid_t parent;
    const rlimit* descriptor_limit;  // null: leave it
    const rlimit* memory_limit;      // null: leave it
    int nice;                        // added to ours
    unsigned serial;                 // of this start
    int cgroup;                      // -1: ours
};

unsigned starts = 0;
rlimit original_descriptor_limit{};
bool descriptor_limit_raised = false;

[[noreturn]] void give_up(const prepared& start, stage where) {
    const start_error report{where, errno};
    // The parent takes a short or missing report for what it is: a child that ended early.
    [[maybe_unused]] const ssize_t written = ::write(start.errors, &report, sizeof report);
    ::_exit(exit_of_failed_start);
}

void reset_signals(const prepared& start) {
    struct sigaction fresh {};
    fresh.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; ++number) {
        // Refused for SIGKILL, SIGSTOP and the two of the C library, which can't be ignored anyway.
        ::sigaction(number, &fresh, nullptr);
    }
    sigset_t none;
    ::sigemptyset(&none);
    if (::sigprocmask(SIG_SETMASK, &none, nullptr) != 0) {
        give_up(start, stage::signals);
    }
}

bool set_limit(__rlimit_resource what, const rlimit* limit) {
    return limit == nullptr || ::setrlimit(what, limit) == 0;
}

void set_limits(const prepared& start) {
    const rlimit no_core{0, 0};
    if (!set_limit(RLIMIT_CORE, &no_core) || !set_limit(RLIMIT_NOFILE, start.descriptor_limit) ||
        !set_limit(RLIMIT_DATA, start.memory_limit) ||
        (start.nice != 0 &&
         ::setpriority(PRIO_PROCESS, 0, ::getpriority(PRIO_PROCESS, 0) + start.nice) != 0)) {
        give_up(start, stage::limits);
    }
}

// When memory is short the kernel takes a runtime, which is started anew, and not Corral, which starts it. Anybody may raise
// his own score. Where there is none, or it can't be raised, the choice is the kernel's; oom_score() tells so afterwards.
void offer_to_oom_killer() {
    const int file = ::open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
    std::array<char, 16> text{};
    const ssize_t got = ::read(file, text.data(), text.size());
    int score = 0;
    if (got <= 0 || std::from_chars(text.data(), text.data() + got, score).ec != std::errc{} ||
        score >= oom_score_of_children) {
        return;
    }
    const auto end = std::to_chars(text.data(), text.data() + text.size(), oom_score_of_children).ptr;
    [[maybe_unused]] const ssize_t raised =
        ::pwrite(file, text.data(), static_cast<std::size_t>(end - text.data()), 0);
}

// Without it (our own limit forbids it) the group and the environment have to do.
void brand(const prepared& start) {
    const auto number = static_cast<rlim_t>(number_of({start.parent, ::getpid(), start.serial}));
    const rlimit mark{number, number};
    ::setrlimit(RLIMIT_LOCKS, &mark);
}

// A child that hangs in exec must not hold open what is ours: connections of clients, above all.
void close_all_but_errors(prepared& start) {
    constexpr int kept = STDERR_FILENO + 1;
    if (start.errors != kept && ::dup3(start.errors, kept, O_CLOEXEC) < 0) {
        give_up(start, stage::descriptors);
    }
    start.errors = kept;
    if (::close_range(kept + 1, ~0U, 0) != 0 && !close_everything_on_exec()) {
        give_up(start, stage::descriptors);
    }
}

// A move, which waits for all other forks of the machine; for kernels and containers that can't start a child in a group.
// Where it fails too, the mark has to do.
void enter_group(int folder) {
    const int procs = ::openat(folder, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    [[maybe_unused]] const bool entered = procs >= 0 && ::write(procs, "0", 1) == 1;
}

// One of several places is passed over for what execvp passes over.
[[noreturn]] void execute(const prepared& start) {
    int seen = ENOENT;
    for (char* const* path = start.paths; *path != nullptr; ++path) {
        ::execve(*path, start.arguments, start.environment);
        const bool only_one = start.paths[1] == nullptr;
        if (only_one || (errno != ENOENT && errno != ENOTDIR && errno != EACCES)) {
            give_up(start, stage::execute);
        }
        seen = errno == EACCES ? EACCES : seen;
    }
    errno = seen;
    give_up(start, stage::search);
}

[[noreturn]] void run_child(prepared start, bool born_in_group) {
    reset_signals(start);
    if (::setpgid(0, 0) != 0) {
        give_up(start, stage::group);
    }
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
        give_up(start, stage::parent_death);
    }
    // The parent may have died before the line above; then no signal would ever come.
    if (::getppid() != start.parent) {
        errno = ESRCH;
        give_up(start, stage::parent_gone);
    }
    if (start.cgroup >= 0 && !born_in_group) {
        enter_group(start.cgroup);
    }
    if (::dup2(start.in, STDIN_FILENO) < 0 || ::dup2(start.out, STDOUT_FILENO) < 0 ||
        ::dup2(start.err, STDERR_FILENO) < 0) {
        give_up(start, stage::stdio);
    }
    offer_to_oom_killer();
    close_all_but_errors(start);
    set_limits(start);
    brand(start);
    if (start.working_directory != nullptr && ::chdir(start.working_directory) != 0) {
        give_up(start, stage::directory);
    }
    execute(start);
}

// 0 in the child. Unlike fork this runs no fork handlers, which could wait for a lock held by another thread.
pid_t fork_into(int cgroup, bool& born_in_group) {
    born_in_group = true;
    clone_args how{};
    how.flags = CLONE_INTO_CGROUP;
    how.exit_signal = SIGCHLD;
    how.cgroup = static_cast<std::uint64_t>(std::max(cgroup, 0));
    const long made = cgroup < 0 ? -1 : ::syscall(SYS_clone3, &how, sizeof how);
    if (made >= 0) {
        return static_cast<pid_t>(made);
    }
    born_in_group = false;
    return ::_Fork();
}

// Signals wait during the fork, so that no handler of the daemon ever runs in the child.
pid_t fork_quietly(const prepared& start) {
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    bool born_in_group = false;
    const pid_t pid = fork_into(start.cgroup, born_in_group);
    if (pid == 0) {
        run_child(start, born_in_group);
    }
    const int error = errno;
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    errno = error;
    return pid;
}

std::string text_of(int number) {
    return core::errno_failure(number, {}).code.message();
}

core::failure failure_of(const start_error& error, const std::string& name, const std::string& directory) {
    const std::string program = in_quotes(name);
    const std::string why = text_of(error.number);
    const char* what = "cannot prepare its process";
    switch (error.where) {
        case stage::execute:
            return core::errno_failure(
                error.number, core::say("service.cannot-start/execute", program, why,
                                        error.number == ENOEXEC ? " (it is not a program for this machine)"
                                        : error.number == ENOENT
                                            ? " (the file, its script interpreter or its loader is missing)"
                                            : ""));
        case stage::search:
            return core::errno_failure(error.number, error.number == EACCES
                                                         ? core::say("service.cannot-start/denied", program)
                                                         : core::say("service.cannot-start/find", program));
        case stage::directory:
            return core::errno_failure(
                error.number, core::say("service.cannot-start/enter", program, in_quotes(directory), why));
        case stage::parent_gone:
            what = "its parent has gone";
            break;
        case stage::limits:
            what = "cannot set its limits";
            break;
        case stage::signals:
        case stage::group:
        case stage::parent_death:
        case stage::stdio:
        case stage::descriptors:
            break;
    }
    return core::errno_failure(error.number, core::say("service.cannot-start/prepare", program, what, why));
}

// Not more than we may hand on: above that the system refuses it to all but root.
std::optional<rlimit> limit_of(__rlimit_resource what, std::uint64_t wanted) {
    rlimit ours{};
    if (wanted == 0 || ::getrlimit(what, &ours) != 0) {
        return std::nullopt;
    }
    const rlim_t most = std::min<rlim_t>(wanted, ours.rlim_max);
    return rlimit{most, most};
}

const rlimit* address_of(const std::optional<rlimit>& limit) {
    return limit ? &*limit : nullptr;
}

}  // namespace

core::result<void> raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return core::errno_failure(errno, core::say("service.cannot-start/cannot-read"));
    }
    const rlimit before = limit;
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return core::errno_failure(errno, core::say("service.cannot-start/cannot-raise"));
    }
    if (!descriptor_limit_raised) {
        original_descriptor_limit = before;
        descriptor_limit_raised = true;
    }
    return {};
}

std::optional<std::uint64_t> descriptor_limit_of_children() {
    return descriptor_limit_raised ? std::optional<std::uint64_t>(original_descriptor_limit.rlim_cur)
                                   : std::nullopt;
}

void set_descriptor_limit_of_children(std::uint64_t soft) {
    rlimit limit{};
    if (soft == 0 || ::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return;
    }
    limit.rlim_cur = std::min<rlim_t>(soft, limit.rlim_max);
    original_descriptor_limit = limit;
    descriptor_limit_raised = true;
}

void give_up_child(pid_t pid) {
    ::kill(pid, SIGKILL);
    int status = 0;
    ::waitpid(pid, &status, WNOHANG);
}

// Zero bytes mean that exec closed the pipe: the program runs.
start_report read_report(int fd, const std::string& program, const std::string& directory) {
    start_error error;
    ssize_t got = 0;
    do {
        got = ::read(fd, &error, sizeof error);
    } while (got < 0 && errno == EINTR);
    if (got == static_cast<ssize_t>(sizeof error)) {
        return {true, failure_of(error, program, directory)};
    }
    return {got >= 0 || errno != EAGAIN, {}};
}

core::result<launched> launch(const launch_spec& what, const child_stdio& stdio, core::owned_fd report) {
    const std::vector<char*> paths = pointers_of(what.paths);
    const std::vector<char*> arguments = pointers_of(what.arguments);
    const std::vector<char*> environment = pointers_of(what.environment);
    const auto memory_limit = limit_of(RLIMIT_DATA, what.limits.memory);
    auto descriptor_limit = limit_of(RLIMIT_NOFILE, what.limits.descriptors);
    if (!descriptor_limit && descriptor_limit_raised) {
        descriptor_limit = original_descriptor_limit;
    }
    const prepared start{paths.data(),
                         arguments.data(),
                         environment.data(),
                         what.working_directory.empty() ? nullptr : what.working_directory.c_str(),
                         stdio.child_in.get(),
                         stdio.child_out.get(),
                         stdio.child_err.get(),
                         report.get(),
                         ::getpid(),
                         address_of(descriptor_limit),
                         address_of(memory_limit),
                         what.limits.nice,
                         ++starts,
                         what.cgroup};
    const pid_t pid = fork_quietly(start);
    if (pid < 0) {
        return core::errno_failure(
            errno, core::say("service.cannot-start/fork", in_quotes(what.arguments.front()), text_of(errno)));
    }
    // The child does so too: whoever comes first, its group can be signalled from now on.
    static_cast<void>(::setpgid(pid, pid));
    report.reset();
    // Safe though the child may have ended: only we reap it, so the number is still its own.
    launched child{pid, core::owned_fd(open_pidfd(pid))};
    if (!child.pidfd.valid()) {
        const int error = errno;
        give_up_child(pid);
        return core::errno_failure(error, core::say("service.process-control/cannot-watch",
                                                    in_quotes(what.arguments.front()), text_of(error)));
    }
    return child;
}

std::map<std::string, std::string> clean_environment() {
    std::map<std::string, std::string> result;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        const auto equals = text.find('=');
        if (equals != std::string_view::npos && is_kept(text.substr(0, equals))) {
            result.emplace(text.substr(0, equals), text.substr(equals + 1));
        }
    }
    return result;
}

}  // namespace corral::process
