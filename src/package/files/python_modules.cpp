#include "package/files/python_modules.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "corral/core/text.hpp"
#include "corral/process/child.hpp"
#include "package/files/path_handle.hpp"

namespace corral::package {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::size_t most_answer = 64U * 1024;
constexpr std::string_view end_mark = "asked\n";

// Isolated mode leaves out the packages that a user installed for himself, which the script would find.
constexpr const char* question = R"(
import importlib.util, os, site, sys
home = site.getusersitepackages()
if os.path.isdir(home):
    sys.path.append(home)
for name in sys.argv[1:]:
    try:
        found = importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        found = False
    if not found:
        print(name)
print("asked")
)";

bool is_name(const std::string& text) {
    return !text.empty() && text.size() <= 100 && !core::is_digit(text[0]) &&
           std::ranges::all_of(text, [](char letter) {
               return letter == '_' || core::is_letter(letter) || core::is_digit(letter);
           });
}

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

// 0: it could not be started.
pid_t start(std::vector<std::string> command, int output) {
    std::vector<std::string> variables;
    for (const auto& [name, value] : process::clean_environment()) {
        variables.push_back(name + "=" + value);
    }
    spawn_setup setup;
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    const bool ready =
        ::posix_spawn_file_actions_addopen(&setup.files, STDIN_FILENO, "/dev/null", O_RDONLY, 0) == 0 &&
        ::posix_spawn_file_actions_adddup2(&setup.files, output, STDOUT_FILENO) == 0 &&
        ::posix_spawn_file_actions_addopen(&setup.files, STDERR_FILENO, "/dev/null", O_WRONLY, 0) == 0 &&
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

// False when the deadline passed or more came than anybody asked for.
bool read_until(int from, clock::time_point deadline, std::string& into) {
    std::array<char, 4096> bytes{};
    while (into.size() < most_answer) {
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
            return true;
        }
        into.append(bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    }
    return false;
}

// It has closed its output or is killed now, so this does not last. Where somebody else has reaped it already
// its number may be another's by now.
void reap(pid_t pid) {
    int status = 0;
    if (::waitpid(pid, &status, WNOHANG) != 0) {
        return;
    }
    ::kill(-pid, SIGKILL);
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
}

}  // namespace

std::optional<std::vector<std::string>> ask_for_modules(const std::string& python,
                                                        const std::vector<std::string>& modules,
                                                        std::chrono::milliseconds patience) {
    std::vector<std::string> command{python, "-I", "-c", question};
    std::copy_if(modules.begin(), modules.end(), std::back_inserter(command), is_name);
    if (command.size() == 4) {
        return std::vector<std::string>();
    }
    std::array<int, 2> ends{-1, -1};
    if (python.empty() || ::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return std::nullopt;
    }
    const core::owned_fd ours(ends[0]);
    core::owned_fd theirs(ends[1]);
    const std::vector<std::string> asked(command.begin() + 4, command.end());
    const pid_t pid = start(std::move(command), theirs.get());
    theirs.reset();
    std::string answer;
    const bool whole = pid > 0 && read_until(ours.get(), clock::now() + patience, answer);
    if (pid > 0) {
        reap(pid);
    }
    if (!whole || !answer.ends_with(end_mark)) {
        return std::nullopt;
    }
    std::vector<std::string> missing;
    for (const auto& name : asked) {
        const bool told =
            answer.starts_with(name + "\n") || answer.find("\n" + name + "\n") != std::string::npos;
        if (told) {
            missing.push_back(name);
        }
    }
    return missing;
}

}  // namespace corral::package
