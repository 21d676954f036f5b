// A small program for the tests: tells what it inherited, behaves like a vendor program, or plays the daemon.

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <boost/asio/io_context.hpp>

#include "corral/process/child.hpp"
#include "corral/process/warden.hpp"

namespace {

namespace process = corral::process;

// Numbers of all open descriptors but the one that looks.
int print_descriptors() {
    std::string line;
    for (int fd = 0; fd < 4096; ++fd) {
        if (::fcntl(fd, F_GETFD) >= 0) {
            line += std::to_string(fd) + ' ';
        }
    }
    std::puts(line.c_str());
    return 0;
}

int print_signals() {
    sigset_t blocked;
    ::sigprocmask(SIG_SETMASK, nullptr, &blocked);
    std::string line;
    for (int number = 1; number < NSIG; ++number) {
        struct sigaction now {};
        if (::sigismember(&blocked, number) == 1) {
            line += "blocked:" + std::to_string(number) + ' ';
        }
        if (::sigaction(number, nullptr, &now) == 0 && now.sa_handler != SIG_DFL) {
            line += "changed:" + std::to_string(number) + ' ';
        }
    }
    std::puts(line.c_str());
    return 0;
}

int print_place() {
    int parent_death = 0;
    ::prctl(PR_GET_PDEATHSIG, &parent_death);
    rlimit core{};
    rlimit files{};
    ::getrlimit(RLIMIT_CORE, &core);
    ::getrlimit(RLIMIT_NOFILE, &files);
    std::printf("leader=%d death=%d core=%ld files=%ld directory=%s\n", ::getpgrp() == ::getpid() ? 1 : 0,
                parent_death, static_cast<long>(core.rlim_cur), static_cast<long>(files.rlim_cur),
                std::filesystem::current_path().c_str());
    return 0;
}

// Prints through stdio and then lives on: on a pipe the text would stay in the buffer.
int print_and_linger() {
    std::puts("first line");
    ::pause();
    return 0;
}

// Listens on a free port with SO_REUSEPORT (given: on that port), prints it, and lives on.
int listen_shared(int port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    const int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_ANY);
    where.sin_port = htons(static_cast<std::uint16_t>(port));
    socklen_t size = sizeof where;
    if (::bind(fd, reinterpret_cast<sockaddr*>(&where), size) != 0 || ::listen(fd, 1) != 0 ||
        ::getsockname(fd, reinterpret_cast<sockaddr*>(&where), &size) != 0) {
        return 1;
    }
    std::printf("%d\n", ntohs(where.sin_port));
    std::fflush(stdout);
    ::pause();
    return 0;
}

void write_pid(const char* file) {
    const std::string text = std::to_string(::getpid()) + '\n';
    const int fd = ::open(file, O_WRONLY | O_CREAT | O_APPEND, 0600);
    static_cast<void>(::write(fd, text.data(), text.size()));
    ::close(fd);
}

// Starts a helper that leaves its group, its session, its parents and its environment, and lives on; the helper
// writes its pid into `file`. `ends`: the starter goes too.
int start_escapee(const char* file, bool ends) {
    const char* const program = "/proc/self/exe";
    if (::fork() == 0) {
        ::setsid();
        if (::fork() == 0) {
            ::close_range(0, ~0U, 0);
            char* const nothing[] = {nullptr};
            ::execle(program, "helper", "escaped", file, static_cast<char*>(nullptr), nothing);
        }
        ::_exit(0);
    }
    return ends ? 0 : ::pause();
}

// Forks away from whatever looks for it, a new process, session and group each time; after 20 s it has won.
int hop(const char* file) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    for (int hops = 0; std::chrono::steady_clock::now() < end; ++hops) {
        if (const pid_t next = ::fork(); next > 0) {
            ::_exit(0);
        } else if (next == 0) {
            ::setsid();
        }
        if (hops == 100) {
            write_pid(file);
        }
    }
    return 0;
}

// Starts a warden and one service, prints "<warden> <service> <token>", and lives on or ends cleanly when its
// input ends.
int play_daemon(const std::vector<std::string>& command) {
    auto guard = process::warden::start();
    if (!guard) {
        std::fprintf(stderr, "%s\n", guard.error().message.text().c_str());
        return 1;
    }
    boost::asio::io_context loop;
    process::spawn_spec service;
    service.command = command;
    service.environment = process::clean_environment();
    service.environment[process::warden::token_name()] = guard->token();
    auto started = process::child::spawn(loop.get_executor(), service);
    if (!started || !guard->watch_group(started->pid())) {
        std::fprintf(stderr, "the service did not start\n");
        return 1;
    }
    std::printf("%d %d %s\n", guard->pid(), started->pid(), guard->token().c_str());
    std::fflush(stdout);
    std::array<char, 16> byte{};
    while (::read(STDIN_FILENO, byte.data(), byte.size()) > 0) {
    }
    return 0;
}

}  // namespace

int main(int count, char** words) {
    const std::vector<std::string> arguments(words + 1, words + count);
    const std::string mode = arguments.empty() ? "" : arguments[0];
    if (mode == "descriptors") {
        return print_descriptors();
    }
    if (mode == "signals") {
        return print_signals();
    }
    if (mode == "place") {
        return print_place();
    }
    if (mode == "linger") {
        return print_and_linger();
    }
    if (mode == "listen") {
        return listen_shared(arguments.size() > 1 ? std::atoi(arguments[1].c_str()) : 0);
    }
    if (mode == "daemon") {
        return play_daemon({arguments.begin() + 1, arguments.end()});
    }
    if (mode == "escape" && arguments.size() == 3) {
        return start_escapee(arguments[1].c_str(), arguments[2] == "ends");
    }
    if (mode == "escaped") {
        write_pid(arguments[1].c_str());
        return ::pause();
    }
    if (mode == "hop" && arguments.size() == 2) {
        return hop(arguments[1].c_str());
    }
    if (mode == "abort") {
        std::abort();
    }
    return 2;
}
