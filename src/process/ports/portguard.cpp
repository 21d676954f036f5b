#include "corral/process/portguard.hpp"

#include <array>
#include <filesystem>

#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "corral/core/say.hpp"
#include "corral/process/elf_file.hpp"
#include "process/children/program_path.hpp"
#include "process/proc_files.hpp"

namespace corral::process {

namespace {

using fault = std::optional<program_fault>;

constexpr std::string_view library_name = "libcorral_portguard.so";
constexpr const char* preload = "LD_PRELOAD";
constexpr std::size_t head_bytes = 65536;
constexpr int most_interpreters = 4;  // as the kernel follows them

std::string machine_of(const elf_summary& elf) {
    return machine_name(elf.machine);
}

fault check_library(const std::string& library, elf_summary& about) {
    const core::reason advice = core::say("service.guard/do-library");
    if (library.empty()) {
        return program_fault{"no-library", core::say("service.guard/nowhere", library_name), advice};
    }
    const auto head = read_file(library, head_bytes);
    const auto elf = head ? parse_elf(*head) : std::nullopt;
    if (!elf) {
        return program_fault{"no-library",
                             head ? core::say("service.guard/kind", in_quotes(library))
                                  : core::say("service.guard/unread", in_quotes(library)),
                             advice};
    }
    struct statvfs mounted {};
    if (::statvfs(library.c_str(), &mounted) == 0 && (mounted.f_flag & ST_NOEXEC) != 0) {
        return program_fault{"no-library", core::say("service.guard/noexec", in_quotes(library)), advice};
    }
    if (library.find_first_of(" :") != std::string::npos) {
        return program_fault{"no-library", core::say("service.guard/blank", in_quotes(library)), advice};
    }
    about = *elf;
    return std::nullopt;
}

// With raised privileges the loader takes no library from the environment.
bool raises_privileges(const std::string& path) {
    struct stat about {};
    if (::stat(path.c_str(), &about) != 0 || ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) {
        return false;
    }
    const bool other_user = (about.st_mode & S_ISUID) != 0 && about.st_uid != ::geteuid();
    const bool other_group = (about.st_mode & S_ISGID) != 0 && about.st_gid != ::getegid();
    const bool capable = ::geteuid() != 0 && ::getxattr(path.c_str(), "security.capability", nullptr, 0) > 0;
    return other_user || other_group || capable;
}

// The loader itself has none, but preloads for the program that it is given.
bool is_loader(const std::string& path) {
    const std::string name = std::filesystem::path(path).filename().string();
    return name.starts_with("ld-") || name.starts_with("ld.so");
}

fault check_binary(const std::string& path, std::string_view head, const elf_summary& library) {
    const auto elf = parse_elf(head);
    if (!elf) {
        return std::nullopt;  // the start itself will say what is wrong with it
    }
    if (elf->machine != library.machine) {
        return program_fault{
            "other-machine",
            core::say("service.guard/machine", in_quotes(path), machine_of(*elf), machine_of(library)),
            core::say("service.guard/do-machine", machine_of(library))};
    }
    if (!elf->has_loader && !is_loader(path)) {
        return program_fault{"static-program", core::say("service.guard/static", in_quotes(path)),
                             core::say("service.guard/do-static")};
    }
    if (raises_privileges(path)) {
        return program_fault{"privileged-program", core::say("service.guard/raised", in_quotes(path)),
                             core::say("service.guard/do-raised")};
    }
    return std::nullopt;
}

std::string interpreter_in(std::string_view head) {
    std::string_view line = head.substr(2, head.find('\n') - 2);
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    return std::string(line.substr(0, line.find_first_of(" \t\r")));
}

}  // namespace

std::string find_portguard() {
    std::error_code failed;
    const auto program = std::filesystem::read_symlink("/proc/self/exe", failed);
    if (failed) {
        return {};
    }
    const auto folder = program.parent_path();
    for (const auto& place : {folder / library_name, folder.parent_path() / "lib/corral" / library_name}) {
        if (::access(place.c_str(), F_OK) == 0) {
            return place.string();
        }
    }
    return {};
}

std::optional<program_fault> check_portguard(const spawn_spec& spec, const std::string& library) {
    elf_summary about;
    if (auto missing = check_library(library, about)) {
        return missing;
    }
    const auto program = find_program(spec);
    std::string path = program ? seen_from_here(*program, spec) : std::string{};
    for (int level = 0; level <= most_interpreters && !path.empty(); ++level) {
        const auto head = read_file(path, head_bytes);
        if (!head) {
            return std::nullopt;
        }
        if (!head->starts_with("#!")) {
            return check_binary(path, *head, about);
        }
        path = interpreter_in(*head);
    }
    return std::nullopt;
}

void add_portguard(spawn_spec& into, const std::string& library,
                   const std::map<std::uint16_t, std::uint16_t>& moved) {
    std::string& all = into.environment[preload];
    all = all.empty() ? library : library + ":" + all;
    std::string moves;
    for (const auto& [from, to] : moved) {
        moves += (moves.empty() ? "" : ",") + std::to_string(from) + "=" + std::to_string(to);
    }
    into.environment["CORRAL_PORTGUARD"] = moves;
}

}  // namespace corral::process
