#include "process/children/program_path.hpp"

#include <cerrno>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "corral/core/say.hpp"

namespace corral::process {

namespace {

// What execvp takes where the variable is missing.
constexpr std::string_view default_path = "/bin:/usr/bin";

bool is_file(const std::string& path) {
    struct stat about {};
    return ::stat(path.c_str(), &about) == 0 && S_ISREG(about.st_mode);
}

}  // namespace

std::string in_quotes(std::string_view word) {
    std::string text("'");
    text.append(word);
    return text + '\'';
}

std::string seen_from_here(const std::string& path, const spawn_spec& spec) {
    // An absolute right-hand side replaces the left-hand one.
    return (std::filesystem::path(spec.working_directory) / path).string();
}

std::vector<std::string> places_of(const spawn_spec& spec) {
    const std::string& name = spec.command.front();
    if (name.find('/') != std::string::npos) {
        return {name};
    }
    const auto variable = spec.environment.find("PATH");
    std::string_view rest =
        variable == spec.environment.end() ? default_path : std::string_view(variable->second);
    std::vector<std::string> places;
    for (bool more = true; more;) {
        const auto colon = rest.find(':');
        places.push_back((std::filesystem::path(rest.substr(0, colon)) / name).string());
        more = colon != std::string_view::npos;
        rest.remove_prefix(more ? colon + 1 : rest.size());
    }
    return places;
}

core::result<std::string> find_program(const spawn_spec& spec) {
    if (spec.command.empty() || spec.command.front().empty()) {
        return core::make_failure(core::errc::invalid, core::say("service.cannot-start/empty"));
    }
    const std::string& name = spec.command.front();
    if (name.find('/') != std::string::npos) {
        return name;
    }
    bool not_executable = false;
    for (const std::string& place : places_of(spec)) {
        const std::string candidate = seen_from_here(place, spec);
        if (is_file(candidate)) {
            if (::faccessat(AT_FDCWD, candidate.c_str(), X_OK, AT_EACCESS) == 0) {
                std::error_code failed;
                const auto absolute = std::filesystem::absolute(candidate, failed);
                return failed ? candidate : absolute.string();
            }
            not_executable = true;
        }
    }
    if (not_executable) {
        return core::errno_failure(EACCES, core::say("service.cannot-start/denied", in_quotes(name)));
    }
    return core::errno_failure(ENOENT, core::say("service.cannot-start/find", in_quotes(name)));
}

}  // namespace corral::process
