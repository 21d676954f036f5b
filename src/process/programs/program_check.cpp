#include "corral/process/program_check.hpp"
#include "corral/core/say.hpp"

#include <cerrno>
#include <filesystem>

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "corral/core/text.hpp"
#include "corral/process/elf_file.hpp"
#include "process/children/program_path.hpp"
#include "process/proc_files.hpp"
#include "process/programs/program_text.hpp"

namespace corral::process {

namespace {

using fault = std::optional<program_fault>;

constexpr std::size_t head_bytes = 65536;  // holds the program headers and the loader's name

std::string text_of(int number) {
    return core::errno_failure(number, {}).code.message();
}

bool may_execute(const std::string& path) {
    return ::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0;
}

fault check_directory(const std::string& folder) {
    if (folder.empty()) {
        return std::nullopt;
    }
    struct stat about {};
    std::string why;
    if (::stat(folder.c_str(), &about) != 0) {
        why = text_of(errno);
    } else if (!S_ISDIR(about.st_mode)) {
        why = "it is not a directory";
    } else if (!may_execute(folder)) {
        why = "it may not be entered";
    } else {
        return std::nullopt;
    }
    return program_fault{
        "bad-directory", core::say("program.folder/working", in_quotes(folder), why),
        "give the folder that holds the model package, readable by the user that runs Corral"};
}

fault check_missing(const spawn_spec& spec, const std::string& path) {
    struct stat about {};
    if (::stat(path.c_str(), &about) != 0) {
        const int number = errno;
        if (number == EACCES) {
            return program_fault{"not-readable",
                                 core::say("program.folder/reach", in_quotes(path), text_of(number)),
                                 "let the user that runs Corral enter the folders above it"};
        }
        const bool relative =
            !path.empty() && !spec.command.front().starts_with('/') && spec.working_directory.empty();
        return program_fault{
            "missing",
            number == ENOENT ? core::say("program.folder/missing", in_quotes(path))
                             : core::say("program.folder/missing-why", in_quotes(path), text_of(number)),
            relative ? "give an absolute path, or the working directory that it is relative to"
                     : "check the path; if the download was interrupted, fetch the package again"};
    }
    if (!S_ISREG(about.st_mode)) {
        return program_fault{"not-a-program",
                             S_ISDIR(about.st_mode) ? core::say("program.folder/is-folder", in_quotes(path))
                                                    : core::say("program.folder/irregular", in_quotes(path)),
                             "name the program file itself"};
    }
    return std::nullopt;
}

fault check_loader(const std::string& path, const elf_summary& elf) {
    if (elf.loader.empty() || ::access(elf.loader.c_str(), F_OK) == 0) {
        return std::nullopt;
    }
    return program_fault{
        "missing-interpreter", core::say("program.kind/loader", in_quotes(path), in_quotes(elf.loader)),
        "use the build made for this system, or install the C library that provides the loader"};
}

fault check_elf(const std::string& path, std::string_view head, std::uint64_t size) {
    const auto elf = parse_elf(head);
    if (!elf || elf->bytes_needed > size) {
        const std::string whole = elf ? "at least " + std::to_string(elf->bytes_needed) : "more";
        return program_fault{"truncated", core::say("program.download/cut", in_quotes(path), size, whole),
                             "fetch the file again and compare its size"};
    }
    if (elf->type != ET_EXEC && elf->type != ET_DYN) {
        return program_fault{"not-a-program", core::say("program.kind/object", in_quotes(path)),
                             "name the program file itself"};
    }
    if (runs_natively(elf->machine)) {
        return check_loader(path, *elf);
    }
    if (has_binfmt_handler(head)) {
        return std::nullopt;
    }
    return program_fault{"wrong-architecture",
                         core::say("program.kind/machine", in_quotes(path), machine_name(elf->machine),
                                   machine_name(machine_here())),
                         "use the " + machine_name(machine_here()) +
                             " build of the program, or run it through an emulator named in the command"};
}

fault check_permission(const std::string& path) {
    struct statvfs mounted {};
    if (::statvfs(path.c_str(), &mounted) == 0 && (mounted.f_flag & ST_NOEXEC) != 0) {
        return program_fault{"not-executable", core::say("program.permission/noexec", in_quotes(path)),
                             "move the package to another file system, or mount this one without noexec"};
    }
    if (may_execute(path)) {
        return std::nullopt;
    }
    const auto word = core::word_to_paste(path);
    return program_fault{"not-executable", core::say("program.permission/mode", in_quotes(path)),
                         word ? "run: chmod +x " + *word : std::string("run chmod +x on it")};
}

fault check_content(const spawn_spec& spec, const std::string& path) {
    const auto head = read_file(path, head_bytes);
    if (!head) {
        return std::nullopt;  // a program that may be executed need not be readable
    }
    std::error_code failed;
    const std::uintmax_t size = std::filesystem::file_size(path, failed);
    if (failed) {
        return std::nullopt;
    }
    if (is_elf(*head)) {
        return check_elf(path, *head, size);
    }
    if (head->starts_with("#!")) {
        return check_script(spec, path, *head);
    }
    if (has_binfmt_handler(*head)) {
        return std::nullopt;
    }
    return explain_text(path, *head);
}

}  // namespace

std::optional<program_fault> check_program(const spawn_spec& spec) {
    if (spec.command.empty() || spec.command.front().empty()) {
        return program_fault{"no-command", core::say("service.cannot-start/empty"), "name a program"};
    }
    if (auto bad = check_directory(spec.working_directory)) {
        return bad;
    }
    const auto program = find_program(spec);
    if (!program) {
        const bool denied = program.error().code.value() == EACCES;
        return program_fault{denied ? "not-executable" : "missing", program.error().message,
                             denied ? "run chmod +x on it" : "install it, or give its full path"};
    }
    const std::string path = seen_from_here(*program, spec);
    if (auto missing = check_missing(spec, path)) {
        return missing;
    }
    // What the file is comes before its permission: a pointer text is not mended by chmod.
    if (auto wrong = check_content(spec, path)) {
        return wrong;
    }
    return check_permission(path);
}

}  // namespace corral::process
