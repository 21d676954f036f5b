#include "corral/process/own_process.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "corral/core/owned_fd.hpp"
#include "corral/core/say.hpp"
#include "process/children/program_path.hpp"

namespace corral::process {

namespace {

namespace fs = std::filesystem;

std::string in_path(const std::string& name) {
    const char* const folders = std::getenv("PATH");
    std::string_view rest = folders == nullptr ? "" : folders;
    while (!rest.empty()) {
        const std::size_t end = rest.find(':');
        const fs::path candidate = fs::path(rest.substr(0, end)) / name;
        if (candidate.is_absolute() && ::access(candidate.c_str(), X_OK) == 0) {
            return candidate.string();
        }
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    }
    return {};
}

constexpr int first_ours = STDERR_FILENO + 1;

// Kernels before 5.11 (and 5.9) have no close_range.
template <typename Action>
bool for_each_descriptor(Action action) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return false;
    }
    for (rlim_t fd = first_ours; fd < limit.rlim_cur; ++fd) {
        action(static_cast<int>(fd));
    }
    return true;
}

bool keep_on_exec(int fd) {
    const int flags = ::fcntl(fd, F_GETFD);
    return fd >= first_ours && flags >= 0 && ::fcntl(fd, F_SETFD, flags & ~FD_CLOEXEC) == 0;
}

}  // namespace

fs::path own_program() {
    std::error_code unknown;
    return fs::read_symlink("/proc/self/exe", unknown);
}

fs::path program_beside(std::string_view name) {
    return own_program().replace_filename(name);
}

std::string as_called(const std::string& argv0, const fs::path& program) {
    fs::path called = argv0.find('/') == std::string::npos ? fs::path(in_path(argv0)) : fs::path(argv0);
    std::error_code unknown;
    called = called.empty() ? called : fs::absolute(called, unknown).lexically_normal();
    const bool same = !called.empty() && !unknown && fs::equivalent(called, program, unknown) && !unknown;
    return same || program.empty() ? called.string() : program.string();
}

bool close_everything_on_exec() {
    if (::close_range(first_ours, ~0U, CLOSE_RANGE_CLOEXEC) == 0) {
        return true;
    }
    return for_each_descriptor([](int fd) { ::fcntl(fd, F_SETFD, FD_CLOEXEC); });
}

void close_everything() {
    if (::close_range(first_ours, ~0U, 0) != 0) {
        for_each_descriptor([](int fd) { ::close(fd); });
    }
}

void unblock_signals() {
    sigset_t none;
    ::sigemptyset(&none);
    ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

core::failure replace_image(const std::string& program, const std::vector<std::string>& arguments,
                            const std::map<std::string, std::string>& environment,
                            const std::vector<int>& kept) {
    std::vector<std::string> variables;
    variables.reserve(environment.size());
    for (const auto& [name, value] : environment) {
        variables.push_back(name + '=' + value);
    }
    const std::vector<char*> words = pointers_of(arguments);
    const std::vector<char*> values = pointers_of(variables);
    if (!close_everything_on_exec()) {
        return core::errno_failure(errno, core::say("service.cannot-start"));
    }
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = 0;
    for (const int fd : kept) {
        if (!keep_on_exec(fd)) {
            error = EBADF;
        }
    }
    if (error == 0) {
        ::execve(program.c_str(), words.data(), values.data());
        error = errno;
    }
    close_everything_on_exec();
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return core::errno_failure(error, core::say("service.cannot-start/cannot-execute", in_quotes(program),
                                                core::errno_failure(error, {}).code.message()));
}

namespace {

constexpr int all_seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;

}  // namespace

core::result<int> make_sealed_memory(const std::string& text) {
    core::owned_fd memory(::memfd_create("corral-handover", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!memory.valid() || !core::write_all(memory.get(), text) ||
        ::fcntl(memory.get(), F_ADD_SEALS, all_seals) != 0) {
        return core::errno_failure(errno, core::say("upgrade.handed-over/memory-handed"));
    }
    return memory.release();
}

core::result<std::string> read_sealed_memory(int fd, std::size_t limit) {
    const int seals = fd > STDERR_FILENO ? ::fcntl(fd, F_GET_SEALS) : -1;
    struct stat about {};
    if (seals < 0 || (seals & all_seals) != all_seals || ::fstat(fd, &about) != 0) {
        return core::make_failure(core::errc::invalid, core::say("upgrade.handed-over/over-sealed"));
    }
    if (about.st_size < 0 || static_cast<std::size_t>(about.st_size) > limit) {
        return core::make_failure(core::errc::limit_exceeded, core::say("upgrade.handed-over/over-too"));
    }
    const auto size = static_cast<std::size_t>(about.st_size);
    auto text = core::read_all_at(fd, 0, size);
    if (!text || text->size() != size) {
        return core::errno_failure(text ? EIO : errno, core::say("upgrade.handed-over/handed-over"));
    }
    return std::move(*text);
}

}  // namespace corral::process
