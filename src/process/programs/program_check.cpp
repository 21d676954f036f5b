#include "corral/process/program_check.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/process/elf_file.hpp"
#include "process/children/program_path.hpp"
#include "process/proc_files.hpp"

namespace corral::process {

namespace {

// Files in the place of a program that are text: scripts, and what a failed download leaves behind
// (docs/facts/vendor_ax.md#bad-files).

constexpr std::string_view lfs_mark = "version https://git-lfs";
constexpr std::string_view lfs_size = "\nsize ";
constexpr std::size_t shown_bytes = 60;

bool is_plain(char letter) {
    return letter >= ' ' && letter <= '~';
}

std::string first_line(std::string_view head) {
    std::string line(head.substr(0, std::min(head.find('\n'), shown_bytes)));
    std::replace_if(
        line.begin(), line.end(), [](char letter) { return !is_plain(letter); }, '?');
    return line;
}

bool looks_like_text(std::string_view head) {
    return std::all_of(head.begin(), head.end(), [](char letter) {
        return is_plain(letter) || letter == '\n' || letter == '\r' || letter == '\t' || (letter & 0x80) != 0;
    });
}

bool looks_like_html(std::string_view head) {
    std::string start(head.substr(0, 1024));
    std::transform(start.begin(), start.end(), start.begin(),
                   [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
    const auto first = start.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
    return first != std::string::npos && start[first] == '<' &&
           (start.find("<html") != std::string::npos || start.find("<!doctype") != std::string::npos ||
            start.find("<?xml") != std::string::npos || start.find("<head") != std::string::npos);
}

program_fault explain_pointer(const std::string& path, std::string_view head) {
    std::string size;
    const auto place = head.find(lfs_size);
    if (place != std::string_view::npos) {
        const std::string_view digits = head.substr(place + lfs_size.size());
        size = digits.substr(0, digits.find_first_not_of("0123456789"));
    }
    const std::string missing = size.empty() ? "its content" : "its " + size + " bytes";
    const auto slash = path.rfind('/');
    return {"lfs-pointer", core::say("program.download/lfs", in_quotes(path), missing),
            core::say("program.download/do-lfs", slash == std::string::npos ? "." : path.substr(0, slash))};
}

// The words of a "#!" line; the kernel passes everything behind the first as one argument.
std::array<std::string, 2> interpreter_words(std::string_view head) {
    std::string_view line = head.substr(2, head.find('\n') - 2);
    const auto trim = [](std::string_view text) {
        const auto begin = text.find_first_not_of(" \t");
        if (begin == std::string_view::npos) {
            return std::string_view{};
        }
        return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
    };
    line = trim(line);
    const auto blank = std::min(line.find_first_of(" \t"), line.size());
    return {std::string(line.substr(0, blank)), std::string(trim(line.substr(blank)))};
}

// A file that begins with "#!": its interpreter must exist.
std::optional<program_fault> check_script(const spawn_spec& spec, const std::string& path,
                                          std::string_view head) {
    const auto [interpreter, argument] = interpreter_words(head);
    const core::reason advice = core::say("program.kind/do-script");
    if ((interpreter + argument).find('\r') != std::string::npos) {
        const auto word = core::word_to_paste(path);
        return program_fault{
            "missing-interpreter", core::say("program.kind/windows", in_quotes(path)),
            word ? core::say("program.kind/do-windows", *word) : core::say("program.kind/do-ends")};
    }
    if (interpreter.empty() || ::access(seen_from_here(interpreter, spec).c_str(), X_OK) != 0) {
        return program_fault{"missing-interpreter",
                             core::say("program.kind/script", in_quotes(path), in_quotes(interpreter)),
                             advice};
    }
    const bool by_env = interpreter.ends_with("/env") && !argument.empty() && argument.front() != '-' &&
                        argument.find_first_of("= \t") == std::string::npos;
    if (by_env) {
        spawn_spec searched{{argument}, spec.environment, spec.working_directory, spec.stdio};
        if (!find_program(searched)) {
            return program_fault{"missing-interpreter",
                                 core::say("program.kind/path", in_quotes(path), in_quotes(argument)),
                                 advice};
        }
    }
    return std::nullopt;
}

// Any other file that is not a program: says what it seems to be.
program_fault explain_text(const std::string& path, std::string_view head) {
    const core::reason again = core::say("program.download/do");
    if (head.empty()) {
        return {"empty", core::say("program.download/empty", in_quotes(path)), again};
    }
    if (head.starts_with(lfs_mark)) {
        return explain_pointer(path, head);
    }
    if (looks_like_html(head)) {
        return {"not-a-program", core::say("program.download/page", in_quotes(path)), again};
    }
    if (looks_like_text(head)) {
        return {"not-a-program", core::say("program.kind/text", in_quotes(path), in_quotes(first_line(head))),
                again};
    }
    return {"not-a-program", core::say("program.kind/unknown", in_quotes(path)), again};
}

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
    return program_fault{"bad-directory", core::say("program.folder/working", in_quotes(folder), why),
                         core::say("program.folder/do-working")};
}

fault check_missing(const spawn_spec& spec, const std::string& path) {
    struct stat about {};
    if (::stat(path.c_str(), &about) != 0) {
        const int number = errno;
        if (number == EACCES) {
            return program_fault{"not-readable",
                                 core::say("program.folder/reach", in_quotes(path), text_of(number)),
                                 core::say("program.folder/do-reach")};
        }
        const bool relative =
            !path.empty() && !spec.command.front().starts_with('/') && spec.working_directory.empty();
        return program_fault{
            "missing",
            number == ENOENT ? core::say("program.folder/missing", in_quotes(path))
                             : core::say("program.folder/missing-why", in_quotes(path), text_of(number)),
            relative ? core::say("program.folder/do-relative") : core::say("program.folder/do-missing")};
    }
    if (!S_ISREG(about.st_mode)) {
        return program_fault{"not-a-program",
                             S_ISDIR(about.st_mode) ? core::say("program.folder/is-folder", in_quotes(path))
                                                    : core::say("program.folder/irregular", in_quotes(path)),
                             core::say("program.folder/do-file")};
    }
    return std::nullopt;
}

fault check_loader(const std::string& path, const elf_summary& elf) {
    if (elf.loader.empty() || ::access(elf.loader.c_str(), F_OK) == 0) {
        return std::nullopt;
    }
    return program_fault{"missing-interpreter",
                         core::say("program.kind/loader", in_quotes(path), in_quotes(elf.loader)),
                         core::say("program.kind/do-loader")};
}

fault check_elf(const std::string& path, std::string_view head, std::uint64_t size) {
    const auto elf = parse_elf(head);
    if (!elf || elf->bytes_needed > size) {
        const std::string whole = elf ? "at least " + std::to_string(elf->bytes_needed) : "more";
        return program_fault{"truncated", core::say("program.download/cut", in_quotes(path), size, whole),
                             core::say("program.download/do-cut")};
    }
    if (elf->type != ET_EXEC && elf->type != ET_DYN) {
        return program_fault{"not-a-program", core::say("program.kind/object", in_quotes(path)),
                             core::say("program.folder/do-file")};
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
                         core::say("program.kind/do-machine", machine_name(machine_here()))};
}

fault check_permission(const std::string& path) {
    struct statvfs mounted {};
    if (::statvfs(path.c_str(), &mounted) == 0 && (mounted.f_flag & ST_NOEXEC) != 0) {
        return program_fault{"not-executable", core::say("program.permission/noexec", in_quotes(path)),
                             core::say("program.permission/do-noexec")};
    }
    if (may_execute(path)) {
        return std::nullopt;
    }
    const auto word = core::word_to_paste(path);
    return program_fault{
        "not-executable", core::say("program.permission/mode", in_quotes(path)),
        word ? core::say("program.permission/do-mode", *word) : core::say("program.permission/do")};
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
        return program_fault{"no-command", core::say("service.cannot-start/empty"),
                             core::say("service.cannot-start/do-empty")};
    }
    if (auto bad = check_directory(spec.working_directory)) {
        return bad;
    }
    const auto program = find_program(spec);
    if (!program) {
        const bool denied = program.error().code.value() == EACCES;
        return program_fault{
            denied ? "not-executable" : "missing", program.error().message,
            denied ? core::say("program.permission/do") : core::say("service.cannot-start/do-find")};
    }
    const std::string path = seen_from_here(*program, spec);
    if (auto missing = check_missing(spec, path)) {
        return missing;
    }
    // What the file is comes before its permission: a pointer text is not repaired by chmod.
    if (auto wrong = check_content(spec, path)) {
        return wrong;
    }
    return check_permission(path);
}

}  // namespace corral::process
