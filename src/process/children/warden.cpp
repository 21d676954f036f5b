#include "corral/process/warden.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "corral/core/owned_fd.hpp"
#include "corral/core/say.hpp"
#include "process/children/birthmark.hpp"
#include "process/children/child_cgroup.hpp"
#include "process/children/pidfd.hpp"
#include "process/children/run_token.hpp"
#include "process/proc_files.hpp"

namespace corral::process {

namespace {

// The body of the warden: what runs in the forked process.

// What the daemon tells, one message each over a SOCK_SEQPACKET pair.
struct warden_notice {
    enum class kind : int { watch, forget };
    kind what = kind::watch;
    pid_t group = 0;
};

constexpr std::size_t max_groups = 4096;
constexpr std::chrono::milliseconds kill_limit{2000};
constexpr std::chrono::milliseconds pause_between_looks{10};

// Group and start time of its leader: a leader of another start means that the number belongs to somebody
// else by now.
using watched_groups = std::map<pid_t, std::uint64_t>;

void close_all_but(int kept) {
    const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int standard = STDIN_FILENO; standard <= STDERR_FILENO; ++standard) {
        if (standard != kept && nothing >= 0) {
            ::dup2(nothing, standard);
        }
    }
    for (const int from : {STDERR_FILENO + 1, kept + 1}) {
        const auto first = static_cast<unsigned>(std::max(from, STDERR_FILENO + 1));
        const unsigned last = from == kept + 1 ? ~0U : static_cast<unsigned>(kept - 1);
        if (first > last || ::syscall(SYS_close_range, first, last, 0) == 0) {
            continue;
        }
        // Kernels before 5.9.
        const auto most = static_cast<unsigned>(::sysconf(_SC_OPEN_MAX));
        for (unsigned fd = first; fd <= std::min(last, most); ++fd) {
            ::close(static_cast<int>(fd));
        }
    }
}

void ignore_signals() {
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2, SIGTSTP, SIGALRM}) {
        ::signal(number, SIG_IGN);
    }
    // A handler of the daemon for anything else must not run here.
    ::signal(SIGCHLD, SIG_DFL);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void take(const warden_notice& notice, watched_groups& groups) {
    // 1 and below would mean init's group, our own or every process.
    if (notice.group <= 1) {
        return;
    }
    if (notice.what == warden_notice::kind::forget) {
        groups.erase(notice.group);
    } else if (notice.what == warden_notice::kind::watch && groups.size() < max_groups) {
        const auto leader = read_process(notice.group);
        groups[notice.group] = leader ? leader->start_time : 0;
    }
}

void listen_until_the_end(int notices, watched_groups& groups) {
    for (;;) {
        warden_notice notice;
        const ssize_t got = ::recv(notices, &notice, sizeof notice, 0);
        if (got == static_cast<ssize_t>(sizeof notice)) {
            take(notice, groups);
        } else if (got == 0 || (got < 0 && errno != EINTR)) {
            return;
        }
    }
}

void kill_groups(const watched_groups& groups) {
    for (const auto& [group, start_time] : groups) {
        const auto leader = read_process(group);
        const bool somebody_elses = leader && start_time != 0 && leader->start_time != start_time;
        if (!somebody_elses) {
            ::kill(-group, SIGKILL);
        }
    }
}

// What emptied its environment and left its group. By now it is a child of others, so only its mark tells, and that it
// is younger than the daemon.
void kill_begotten(std::string_view token) {
    const auto run = parse_run_token(token);
    const auto is_ours = [&run](pid_t pid, const birthmark& mark) {
        const auto row = mark.daemon == run->daemon ? read_process(pid) : std::nullopt;
        return row && row->start_time >= run->daemon_start && is_of_own_namespace(pid);
    };
    const auto end = std::chrono::steady_clock::now() + kill_limit;
    while (run && kill_marked(is_ours) > 0 && std::chrono::steady_clock::now() < end) {
        std::this_thread::sleep_for(pause_between_looks);
    }
}

// Closes every descriptor but `notices`, leaves the daemon's session, waits for the end of `notices`, kills,
// exits.
void run_warden(int notices, const std::string& token) {
    ignore_signals();
    ::setsid();
    // Without our name in it, so that a `pkill -9 corral` leaves it alive to do its work.
    ::prctl(PR_SET_NAME, "herd-warden");
    close_all_but(notices);
    // A relative start directory would keep a mount busy.
    if (::chdir("/") != 0) {
        ::_exit(1);
    }
    watched_groups groups;
    listen_until_the_end(notices, groups);
    kill_groups(groups);
    kill_token_carriers([&token](pid_t, std::string_view found) { return found == token; }, kill_limit);
    kill_begotten(token);
    // The pipe of a daemon that was killed closes before the kernel calls it ended.
    clear_stale_cgroups(cgroup_base(), parse_run_token(token));
    ::_exit(0);
}

constexpr std::chrono::milliseconds warden_end_limit{3000};
constexpr std::chrono::milliseconds stray_kill_limit{1000};

core::failure last_failure(const char* what) {
    return core::errno_failure(errno, core::say("daemon.warden/start-warden", what));
}

// True when the process ended in time. The limit is not prolonged by interruptions.
bool wait_for_end(pid_t pid, std::chrono::milliseconds limit) {
    const core::owned_fd handle(open_pidfd(pid));
    const auto end = std::chrono::steady_clock::now() + limit;
    for (;;) {
        int status = 0;
        const pid_t reaped = ::waitpid(pid, &status, WNOHANG);
        if (reaped == pid || (reaped < 0 && errno == ECHILD)) {
            return true;
        }
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        if (left.count() <= 0) {
            return false;
        }
        // Without a handle (no descriptors left) this is a short sleep.
        pollfd watched{handle.get(), POLLIN, 0};
        const auto nap = handle.valid() ? left : std::min(left, std::chrono::milliseconds{20});
        ::poll(&watched, 1, static_cast<int>(nap.count()));
    }
}

bool is_of_this_user(pid_t pid) {
    struct stat about {};
    const std::string path = "/proc/" + std::to_string(pid);
    return ::stat(path.c_str(), &about) == 0 && about.st_uid == ::geteuid();
}

core::result<void> tell(int pipe, warden_notice::kind what, pid_t group) {
    const warden_notice notice{what, group};
    ssize_t sent = 0;
    do {
        sent = ::send(pipe, &notice, sizeof notice, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        return core::errno_failure(errno, core::say("daemon.warden/warden-listen"));
    }
    return {};
}

// Signals wait during the fork, so that no handler of the daemon ever runs in the warden.
pid_t fork_warden(int notices, const std::string& token) {
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    const pid_t pid = ::fork();
    if (pid == 0) {
        run_warden(notices, token);
    }
    const int error = errno;
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    errno = error;
    return pid;
}

// The reason where the system refuses.
std::optional<core::failure> ask_for_orphans() {
    if (::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0) {
        return std::nullopt;
    }
    return core::errno_failure(errno, core::reason::unlisted("PR_SET_CHILD_SUBREAPER"));
}

struct running_warden {
    core::owned_fd pipe;
    pid_t pid = 0;
};

core::result<running_warden> start_process(const std::string& token) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return last_failure("no socket pair");
    }
    core::owned_fd ours(ends[0]);
    const core::owned_fd theirs(ends[1]);
    const pid_t pid = fork_warden(theirs.get(), token);
    if (pid < 0) {
        return last_failure("fork");
    }
    own_child(pid);
    return running_warden{std::move(ours), pid};
}

}  // namespace

core::result<warden> warden::start() {
    const auto named = make_run_token();
    if (!named) {
        return core::make_failure(core::errc::unavailable, core::say("daemon.warden/cannot-start"));
    }
    const std::optional<core::failure> refusal = ask_for_orphans();
    const std::string token = to_string(*named);
    auto started = start_process(token);
    if (!started) {
        return started.error();
    }
    warden made(started->pipe.release(), started->pid, token);
    made.refusal_ = refusal;
    return made;
}

core::result<warden> warden::adopt(warden_handover from) {
    const auto ours = [](const std::string& token) {
        const auto named = parse_run_token(token);
        const auto self = read_process(::getpid());
        return named && self && named->daemon == self->pid && named->daemon_start == self->start_time;
    };
    int kind = 0;
    socklen_t length = sizeof kind;
    const bool is_pipe = from.pipe > STDERR_FILENO &&
                         ::getsockopt(from.pipe, SOL_SOCKET, SO_TYPE, &kind, &length) == 0 &&
                         kind == SOCK_SEQPACKET;
    const auto row = from.pid > 0 ? read_process(from.pid) : std::nullopt;
    const bool strange = from.pid < 0 || (row && row->parent != ::getpid());
    if (!is_pipe || !ours(from.token) || strange) {
        return core::make_failure(core::errc::invalid, core::say("daemon.warden/warden-handed"));
    }
    const std::optional<core::failure> refusal = ask_for_orphans();
    const pid_t pid = row ? from.pid : 0;
    if (pid > 0) {
        own_child(pid);
    }
    warden made(from.pipe, pid, std::move(from.token));
    made.groups_ = std::move(from.groups);
    made.refusal_ = refusal;
    return made;
}

warden_handover warden::hand_over() const {
    return {pipe_, pid_, token_, groups_};
}

warden::warden(warden&& other) noexcept
    : pipe_(std::exchange(other.pipe_, -1)),
      pid_(std::exchange(other.pid_, 0)),
      token_(std::move(other.token_)),
      groups_(std::move(other.groups_)),
      refusal_(std::move(other.refusal_)) {}

warden::~warden() {
    core::owned_fd(pipe_).reset();
    if (pid_ <= 0) {
        return;
    }
    if (!wait_for_end(pid_, warden_end_limit)) {
        ::kill(pid_, SIGKILL);
        wait_for_end(pid_, warden_end_limit);
    }
    disown_child(pid_);
}

core::result<void> warden::watch_group(pid_t group) {
    groups_.insert(group);
    return tell(pipe_, warden_notice::kind::watch, group);
}

core::result<void> warden::forget_group(pid_t group) {
    groups_.erase(group);
    return tell(pipe_, warden_notice::kind::forget, group);
}

core::result<bool> warden::look_after() {
    int status = 0;
    if (pid_ > 0 && ::waitpid(pid_, &status, WNOHANG) == 0) {
        return false;
    }
    disown_child(std::exchange(pid_, 0));
    auto started = start_process(token_);
    if (!started) {
        return started.error();
    }
    core::owned_fd(pipe_).reset();
    pipe_ = started->pipe.release();
    pid_ = started->pid;
    for (const pid_t group : groups_) {
        if (const auto sent = tell(pipe_, warden_notice::kind::watch, group); !sent) {
            return sent.error();
        }
    }
    return true;
}

std::vector<pid_t> kill_strays(const std::string& own_token) {
    const auto is_stray = [&own_token](pid_t pid, std::string_view found) {
        const auto token = found == own_token ? std::nullopt : parse_run_token(found);
        return token && daemon_is_gone(*token) && is_of_this_user(pid);
    };
    std::vector<pid_t> killed = kill_token_carriers(is_stray, stray_kill_limit);
    // What has emptied its environment.
    const auto is_marked = [&killed](pid_t pid, const birthmark& mark) {
        const bool stray = is_marked_stray(pid, mark) && is_of_this_user(pid);
        if (stray && std::find(killed.begin(), killed.end(), pid) == killed.end()) {
            killed.push_back(pid);
        }
        return stray;
    };
    const auto end = std::chrono::steady_clock::now() + stray_kill_limit;
    while (kill_marked(is_marked) > 0 && std::chrono::steady_clock::now() < end) {
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    clear_stale_cgroups(cgroup_base());
    return killed;
}

}  // namespace corral::process
