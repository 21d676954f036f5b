#include "corral/package/bounded_program.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <filesystem>

#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "corral/core/owned_fd.hpp"
#include "corral/process/child.hpp"

namespace corral::package {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::size_t most_output = 64U * 1024;

std::vector<char*> pointers_to(std::vector<std::string>& words) {
    std::vector<char*> out;
    out.reserve(words.size() + 1);
    for (auto& word : words) {
        out.push_back(word.data());
    }
    out.push_back(nullptr);
    return out;
}

// What a spawn needs, gone with the scope.
struct spawn_setup {
    posix_spawn_file_actions_t files{};
    posix_spawnattr_t attributes{};
    spawn_setup() {
        ::posix_spawn_file_actions_init(&files);
        ::posix_spawnattr_init(&attributes);
    }
    spawn_setup(const spawn_setup&) = delete;
    spawn_setup& operator=(const spawn_setup&) = delete;
    ~spawn_setup() {
        ::posix_spawn_file_actions_destroy(&files);
        ::posix_spawnattr_destroy(&attributes);
    }
};

// 0: root's alone, or what is looked up in the system's folders.
uid_t other_owner_of(std::filesystem::path path) {
    while (path.is_absolute() && path.has_relative_path()) {
        struct stat facts {};
        if (::lstat(path.c_str(), &facts) == 0 && facts.st_uid != 0) {
            return facts.st_uid;
        }
        path = path.parent_path();
    }
    return 0;
}

std::vector<std::string> command_of(const bounded_program& what) {
    std::vector<std::string> out = what.command;
    if (!what.as_owner || ::geteuid() != 0) {
        return out;
    }
    const uid_t of_program = other_owner_of(what.command.front());
    const uid_t owner = of_program != 0 ? of_program : other_owner_of(what.target);
    if (owner != 0) {
        const passwd* const who = ::getpwuid(owner);
        const std::array<std::string, 4> before{
            "setpriv", "--reuid=" + std::to_string(owner),
            "--regid=" + std::to_string(who != nullptr ? who->pw_gid : owner),
            who != nullptr ? "--init-groups" : "--clear-groups"};
        out.insert(out.begin(), before.begin(), before.end());
    }
    return out;
}

// 0: it could not be started.
pid_t start(const bounded_program& what, int output) {
    std::vector<std::string> command = command_of(what);
    std::vector<std::string> variables = what.variables;
    spawn_setup setup;
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    const int errors =
        what.errors_too
            ? ::posix_spawn_file_actions_adddup2(&setup.files, output, STDERR_FILENO)
            : ::posix_spawn_file_actions_addopen(&setup.files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    const bool ready =
        errors == 0 &&
        ::posix_spawn_file_actions_addopen(&setup.files, STDIN_FILENO, "/dev/null", O_RDONLY, 0) == 0 &&
        ::posix_spawn_file_actions_adddup2(&setup.files, output, STDOUT_FILENO) == 0 &&
        // A server asks too, and its connections must not live on in there.
        ::posix_spawn_file_actions_addclosefrom_np(&setup.files, STDERR_FILENO + 1) == 0 &&
        ::posix_spawn_file_actions_addchdir_np(&setup.files, "/") == 0 &&
        ::posix_spawnattr_setsigmask(&setup.attributes, &none) == 0 &&
        ::posix_spawnattr_setsigdefault(&setup.attributes, &all) == 0 &&
        ::posix_spawnattr_setpgroup(&setup.attributes, 0) == 0 &&
        ::posix_spawnattr_setflags(
            &setup.attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP) == 0;
    pid_t pid = 0;
    const bool started =
        ready && ::posix_spawnp(&pid, command.front().c_str(), &setup.files, &setup.attributes,
                                pointers_to(command).data(), pointers_to(variables).data()) == 0;
    return started ? pid : 0;
}

// False when the deadline passed or something was left out.
bool read_until(int from, clock::time_point deadline, std::string& into) {
    std::array<char, 4096> bytes{};
    bool all = true;
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock::now()).count();
        if (left <= 0) {
            return false;
        }
        pollfd wanted{from, POLLIN, 0};
        const int answer = ::poll(&wanted, 1, static_cast<int>(std::min<long long>(left, 60'000)));
        if (answer < 0 && errno != EINTR) {
            return false;
        }
        if (answer <= 0) {
            continue;
        }
        const ssize_t got = ::read(from, bytes.data(), bytes.size());
        if (got < 0 && errno != EINTR) {
            return false;
        }
        if (got == 0) {
            return all;
        }
        into.append(bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        if (into.size() > most_output) {
            into.erase(0, into.size() - most_output);
            all = false;
        }
    }
}

// It has closed its output or is killed now, so this does not last. Where somebody else has reaped it already
// its number may be another's by now.
int reap(pid_t pid, bool ended) {
    int status = 0;
    const auto code = [&status] { return WIFEXITED(status) ? WEXITSTATUS(status) : -1; };
    // One that closed its output ends at once, mostly.
    for (int look = 0; look < (ended ? 100 : 1); ++look) {
        const pid_t found = ::waitpid(pid, &status, WNOHANG);
        if (found != 0) {
            return found == pid ? code() : -1;
        }
        if (ended) {
            ::poll(nullptr, 0, 5);
        }
    }
    ::kill(-pid, SIGKILL);
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return -1;
}

}  // namespace

std::vector<std::string> clean_variables() {
    std::vector<std::string> out;
    for (const auto& [name, value] : process::clean_environment()) {
        out.push_back(name + "=" + value);
    }
    return out;
}

std::optional<program_end> run_bounded(const bounded_program& what) {
    std::array<int, 2> ends{-1, -1};
    if (what.command.empty() || what.command.front().empty() || ::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return std::nullopt;
    }
    const core::owned_fd ours(ends[0]);
    core::owned_fd theirs(ends[1]);
    const pid_t pid = start(what, theirs.get());
    theirs.reset();
    if (pid == 0) {
        return std::nullopt;
    }
    program_end out;
    const auto until = clock::now() + what.patience;
    out.whole = read_until(ours.get(), until, out.output);
    out.status = reap(pid, clock::now() < until);
    return out;
}

}  // namespace corral::package
