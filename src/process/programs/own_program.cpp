#include "corral/process/own_program.hpp"

#include <cstdlib>

#include <unistd.h>

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

}  // namespace corral::process
