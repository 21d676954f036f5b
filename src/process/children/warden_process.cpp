#include "process/children/warden_process.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <map>
#include <string_view>
#include <thread>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process/children/birthmark.hpp"
#include "process/children/child_cgroup.hpp"
#include "process/children/run_token.hpp"
#include "process/proc_files.hpp"

namespace corral::process {

namespace {

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

}  // namespace

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

}  // namespace corral::process
