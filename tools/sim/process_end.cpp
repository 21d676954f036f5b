#include "process_end.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace corral::sim {
namespace {

using nlohmann::json;

int signal_number(const json& value) {
    if (value.is_number_integer()) return value.get<int>();
    constexpr std::array<std::pair<std::string_view, int>, 8> names{{{"SEGV", SIGSEGV},
                                                                     {"ABRT", SIGABRT},
                                                                     {"KILL", SIGKILL},
                                                                     {"TERM", SIGTERM},
                                                                     {"HUP", SIGHUP},
                                                                     {"BUS", SIGBUS},
                                                                     {"INT", SIGINT},
                                                                     {"QUIT", SIGQUIT}}};
    const auto text = value.is_string() ? value.get<std::string>() : std::string();
    for (const auto& [name, number] : names)
        if (text == name || text == "SIG" + std::string(name)) return number;
    return SIGSEGV;
}

void obey(const json& args) {
    if (const int status = args.value("exit", -1); status >= 0) leave(status);
    die_by_signal(signal_number(args.value("signal", json("SEGV"))));
}

}  // namespace

void forbid_core_dumps() {
    const rlimit none{0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0) std::perror("corral-sim: setrlimit");
}

void leave(int status) {
    std::fflush(nullptr);
    _exit(status);
}

void die_by_signal(int signal) {
    std::signal(signal, SIG_DFL);
    kill(getpid(), signal);
    for (;;) pause();  // another thread may take the signal first
}

void die_uncaught(std::string_view type, std::string_view what) {
    std::fprintf(stderr, "terminate called after throwing an instance of '%.*s'\n  what():  %.*s\n",
                 static_cast<int>(type.size()), type.data(), static_cast<int>(what.size()), what.data());
    die_by_signal(SIGABRT);
}

void obey_end_faults(fault_switches& faults, std::string_view phase, int count) {
    if (faults.fire_at("freeze", phase, count)) kill(getpid(), SIGSTOP);
    if (const auto args = faults.fire_at("kill_at", phase, count)) obey(*args);
}

void obey_immediate_end_faults(fault_switches& faults) {
    obey_end_faults(faults, "now");
}

}  // namespace corral::sim
