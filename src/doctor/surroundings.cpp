#include <cerrno>
#include <csignal>

#include <sys/resource.h>
#include <unistd.h>

#include "corral/doctor/doctor.hpp"

namespace corral::doctor {

surroundings these_surroundings(pid_t daemon) {
    surroundings out;
    out.machine = package::this_machine();
    out.listeners = [](std::uint16_t port) { return process::listeners_on(port); };
    out.is_ours = [daemon, self = ::getpid()](pid_t pid) {
        return process::descends_from(pid, self) || process::descends_from(pid, daemon);
    };
    out.lives = [](pid_t pid) { return ::kill(pid, 0) == 0 || errno != ESRCH; };
    out.now = std::chrono::system_clock::now();
    out.user = ::geteuid();
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
        out.most_descriptors = files.rlim_max;
    }
    out.free_bytes = [](const std::filesystem::path& place) -> std::uint64_t {
        std::error_code unknown;  // then nothing is said of it
        const auto room = std::filesystem::space(place, unknown);
        return unknown ? UINT64_MAX : room.available;
    };
    return out;
}

}  // namespace corral::doctor
