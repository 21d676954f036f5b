#include "corral/upgrade/launch_facts.hpp"

#include <cstdlib>
#include <filesystem>
#include <string_view>

#include <unistd.h>

#include "corral/upgrade/inheritance.hpp"

namespace corral::upgrade {

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

std::string find_own_program(const std::string& argv0) {
    std::error_code error;
    const fs::path real = fs::read_symlink("/proc/self/exe", error);
    fs::path called = argv0.find('/') == std::string::npos ? fs::path(in_path(argv0)) : fs::path(argv0);
    if (!called.empty()) {
        std::error_code unknown;
        called = fs::absolute(called, unknown).lexically_normal();
        if (!unknown && fs::equivalent(called, "/proc/self/exe", unknown) && !unknown) {
            return called.string();
        }
    }
    return error ? called.string() : real.string();
}

std::map<std::string, std::string> environment_for_next_image() {
    std::map<std::string, std::string> all;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text = *entry;
        const std::size_t equals = text.find('=');
        if (equals != std::string_view::npos && text.substr(0, equals) != handover_variable) {
            all.emplace(text.substr(0, equals), text.substr(equals + 1));
        }
    }
    return all;
}

}  // namespace corral::upgrade
