// A program that a variable names: is it one, for this machine, whole, executable, with all its libraries.

#include <algorithm>
#include <cctype>

#include <elf.h>
#include <sys/statvfs.h>

#include "corral/catalog/placeholders.hpp"
#include "corral/core/text.hpp"
#include "corral/process/elf_file.hpp"
#include "corral/process/program_check.hpp"
#include "package/checks/examination.hpp"
#include "package/files/library_search.hpp"

namespace corral::package {

namespace {

namespace fs = std::filesystem;
using catalog::severity;

constexpr std::size_t head_bytes = 64U * 1024;  // holds the program headers and the loader's name
constexpr int status_not_found = 127;

struct program {
    const catalog::service_template* service = nullptr;
    std::map<std::string, std::string> environment;
    std::string value;
    named_file file;
    fs::path path;  // as it is here
};

// True for what the kernel of `here` runs itself: its own, and the 32-bit programs of the same family.
bool is_native(std::uint16_t machine, std::uint16_t here) {
    return machine == here || (here == EM_X86_64 && machine == EM_386) ||
           (here == EM_AARCH64 && machine == EM_ARM);
}

// A word without '/' is looked for in PATH, below the machine's root.
std::optional<fs::path> find_in_path(const examination& subject, const program& what) {
    const auto path = what.environment.find("PATH");
    const std::string_view folders =
        path == what.environment.end() ? "/bin:/usr/bin" : std::string_view(path->second);
    for (const std::string_view folder : core::split(folders, ':')) {
        const auto first = folder.find_first_not_of('/');
        if (!folder.starts_with('/') || subject.here.root.empty()) {
            continue;
        }
        const fs::path below =
            subject.here.root / (first == std::string_view::npos ? std::string_view() : folder.substr(first));
        std::error_code failed;
        if (fs::is_regular_file(below / what.value, failed)) {
            return below / what.value;
        }
    }
    return std::nullopt;
}

// Another program of the package that this machine can run.
std::string fitting_program(const examination& subject) {
    std::size_t left = 100;
    for (const auto& one : subject.tree.entries()) {
        const bool program_like = one.kind == node_kind::file && one.size > 4096 &&
                                  one.path.find('/') == std::string::npos &&
                                  one.path.find('.') == std::string::npos && left > 0;
        if (!program_like) {
            continue;
        }
        --left;
        const auto head = subject.tree.read(one.path, 64);
        const auto elf = head ? process::parse_elf(*head) : std::nullopt;
        if (elf && elf->machine == subject.here.elf_machine) {
            return one.path;
        }
    }
    return {};
}

void tell_wrong_machine(examination& subject, const program& what, std::uint16_t machine) {
    const std::string here = process::machine_name(subject.here.elf_machine);
    const std::string other = fitting_program(subject);
    subject.add("program.wrong-architecture", severity::error,
                named(what.value) + " is built for " + process::machine_name(machine) +
                    ", and this machine is " + here + ".",
                "The system refuses to start it.",
                other.empty() ? "Use the " + here + " build of the program."
                              : "Name './" + shown(other) + "' instead, which is built for " + here + ".");
}

void tell_missing_library(examination& subject, const program& what, const library_gap& gap, bool foreign,
                          std::size_t more) {
    const std::string others = more == 0 ? std::string() : " and " + std::to_string(more) + " more";
    const std::string begin = named(what.value) + " needs the shared library " + named(gap.name) + others;
    const std::string why = "The dynamic loader would end it with status 127 before it says a word.";
    if (foreign) {
        subject.add("program.library-missing", severity::warning,
                    begin + ", which was not found for its machine.",
                    "An emulated program looks for libraries of its own machine below QEMU_LD_PREFIX.",
                    "Set QEMU_LD_PREFIX in the service's environment to a tree that has them.");
    } else if (!gap.unusable.empty()) {
        subject.add(
            "program.library-wrong-machine", severity::error,
            begin + ", and " + named(gap.unusable) + " is for another machine or broken.", why,
            advice_for(what.service, status_not_found, "Install the library's build for this machine."));
    } else if (!gap.elsewhere.empty()) {
        if (what.service != nullptr) {
            subject.repairs.push_back(
                {"program.library-not-searched", {}, what.service->name, "LD_LIBRARY_PATH", gap.elsewhere});
        }
        subject.add("program.library-not-searched", severity::error,
                    begin + ", which is in " + named(gap.elsewhere) + ", where the loader does not look.",
                    why,
                    "Add LD_LIBRARY_PATH = \"" + shown(gap.elsewhere) + "\" to the service's environment.");
    } else {
        subject.add("program.library-missing", severity::error, begin + ", which this system does not have.",
                    why, advice_for(what.service, status_not_found, "Install the package that has it."));
    }
}

void check_libraries(examination& subject, const program& what, std::uint16_t machine) {
    library_question question;
    question.program = what.path;
    question.machine = machine;
    question.environment = what.environment;
    question.working_directory = subject.tree.folder();
    question.root = subject.here.root;
    const bool foreign = !is_native(machine, subject.here.elf_machine);
    if (const auto prefix = what.environment.find("QEMU_LD_PREFIX");
        foreign && prefix != what.environment.end()) {
        question.sysroot = prefix->second;
    }
    const auto gaps = missing_libraries(question);
    if (!gaps.empty()) {
        tell_missing_library(subject, what, gaps.front(), foreign, gaps.size() - 1);
    }
}

// False: it is not there, and what it would load need not be looked for.
bool check_loader(examination& subject, const program& what, const process::elf_summary& elf) {
    if (elf.loader.empty() || !elf.loader.starts_with('/')) {
        return true;
    }
    std::error_code failed;
    const fs::path relative =
        elf.loader.substr(std::min(elf.loader.find_first_not_of('/'), elf.loader.size()));
    if (fs::exists(subject.here.root / relative, failed)) {
        return true;
    }
    const auto prefix = what.environment.find("QEMU_LD_PREFIX");
    if (prefix != what.environment.end() && fs::exists(fs::path(prefix->second) / relative, failed)) {
        return true;
    }
    const bool foreign = !is_native(elf.machine, subject.here.elf_machine);
    subject.add(
        "program.loader-missing", foreign ? severity::warning : severity::error,
        named(what.value) + " needs the program loader " + named(elf.loader) + ", which is not there.",
        foreign ? "An emulated program looks for it below QEMU_LD_PREFIX."
                : "It is built for another system's C library.",
        foreign ? "Set QEMU_LD_PREFIX in the service's environment to a tree that has it."
                : "Use the build made for this system, or install the C library that has the loader.");
    return false;
}

// False: no program that could be started, whatever its permissions.
bool check_elf(examination& subject, const program& what) {
    const auto head = what.file.tree.read(what.file.path, head_bytes);
    const auto elf = head ? process::parse_elf(*head) : std::nullopt;
    if (!elf || elf->bytes_needed > what.file.about.size) {
        const std::string whole = elf ? "at least " + size_words(elf->bytes_needed) : std::string("more");
        subject.add("program.truncated", severity::error,
                    named(what.value) + " is cut off: it has " + size_words(what.file.about.size) +
                        ", and its own headers ask for " + whole + ".",
                    "The download was interrupted.", fetch_advice(subject, {what.value}, false));
        return false;
    }
    if (elf->type != ET_EXEC && elf->type != ET_DYN) {
        subject.add("program.object-file", severity::error,
                    named(what.value) + " is an object file or a core dump, not a program.", {},
                    "Name the program file itself.");
        return false;
    }
    if (!is_native(elf->machine, subject.here.elf_machine) && !subject.here.emulates(elf->machine)) {
        tell_wrong_machine(subject, what, elf->machine);
        return false;
    }
    if (!elf->has_loader && elf->type == ET_DYN) {
        const auto dynamic =
            process::read_dynamic([&](std::uint64_t offset, std::size_t most) -> std::optional<std::string> {
                auto bytes = what.file.tree.read(what.file.path, most, offset);
                return bytes ? std::optional(std::move(*bytes)) : std::nullopt;
            });
        if (dynamic && !dynamic->needed.empty()) {
            subject.add("program.is-library", severity::error,
                        named(what.value) + " is a shared library, not a program.", {},
                        "Name the program file itself.");
            return false;
        }
    }
    if (!subject.here.root.empty() && check_loader(subject, what, *elf)) {
        check_libraries(subject, what, elf->machine);
    }
    return true;
}

void check_permission(examination& subject, const program& what) {
    struct statvfs mounted {};
    if (::statvfs(what.path.c_str(), &mounted) == 0 && (mounted.f_flag & ST_NOEXEC) != 0) {
        subject.add("program.noexec-mount", severity::error,
                    named(what.value) + " lies on a file system that is mounted with noexec.",
                    "The system starts no program from it.",
                    "Move the package to another file system, or mount this one without noexec.");
    } else if (!what.file.about.executable) {
        subject.repairs.push_back({"program.not-executable", what.path, {}, {}, {}});
        const auto word = core::word_to_paste(what.path.string());
        subject.add("program.not-executable", severity::error,
                    named(what.value) + " may not be executed: its execute bit is missing.",
                    "Downloads from a hub come without it.",
                    word ? "Run: chmod +x " + *word : std::string("Give it that bit with chmod +x."));
    }
}

// "#!" with an interpreter that is not there.
void check_wrapper(examination& subject, const program& what) {
    process::spawn_spec spec;
    spec.command = {what.path.string()};
    spec.environment = what.environment;
    spec.working_directory = subject.tree.folder().string();
    const auto fault = process::check_program(spec);
    if (fault && fault->id == "missing-interpreter") {
        // Of a command nothing is taken out, and nothing is put behind it.
        const bool command = fault->advice.starts_with("run: ");
        std::string fix = command ? fault->advice : shown(fault->advice, 400) + ".";
        fix.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(fix.front())));
        subject.add("program.interpreter-missing", severity::error, shown(fault->message, 400) + ".", {},
                    std::move(fix));
    }
}

void check_content(examination& subject, const program& what) {
    if (!what.file.about.readable) {
        return;  // a program that may be executed need not be readable
    }
    const auto kind = kind_of(subject, what.file, what.value);
    if (!kind || is_failed_download(subject, what.file, what.value, *kind)) {
        return;
    }
    if (*kind == file_kind::elf) {
        if (check_elf(subject, what)) {
            check_permission(subject, what);
        }
    } else if (*kind == file_kind::script) {
        check_wrapper(subject, what);
        check_permission(subject, what);
    } else if (*kind == file_kind::archive) {
        subject.add_fault(fault_kind::archive, what.value);
    } else {
        subject.add_fault(fault_kind::not_program, what.value, what.file.about.size, kind_words(*kind));
    }
}

// VENV/bin/python is a link to the system's Python, in every environment.
bool is_python_of_environment(const named_file& file) {
    const fs::path home = fs::path(file.path).parent_path().parent_path();
    return file.about.kind == node_kind::outside &&
           file.tree.look((home / "pyvenv.cfg").string()).kind == node_kind::file;
}

bool is_just_there(const examination& subject, const std::string& value) {
    return subject.tree.look(value).kind == node_kind::file;
}

}  // namespace

void check_program_file(examination& subject, const catalog::variable_spec& is, const std::string& value) {
    program what{user_of(subject.model, is.name), {}, value, {subject.tree, value, {}}, {}};
    if (what.service != nullptr) {
        what.environment = environment_of(subject.model, *what.service);
    }
    std::string place = value;
    if (value.find('/') == std::string::npos) {
        const auto found = find_in_path(subject, what);
        if (!found && subject.here.root.empty()) {
            return;
        }
        if (!found) {
            subject.add("program.not-in-path", severity::error,
                        "There is no program " + named(value) + " in PATH.", {},
                        is_just_there(subject, value)
                            ? "Write './" + shown(value) + "' for the one in the package."
                            : advice_for(what.service, status_not_found,
                                         "Install it, or name it with its full path."));
            return;
        }
        place = found->string();
    }
    what.file = locate(subject, place);
    if (is_python_of_environment(what.file)) {
        if (auto followed = locate_elsewhere(what.file.tree.folder() / what.file.path)) {
            what.file = std::move(*followed);
        }
    }
    std::error_code failed;
    what.path = fs::weakly_canonical(what.file.tree.folder() / what.file.path, failed);
    const node_kind kind = what.file.about.kind;
    if (kind == node_kind::file || expect_file(subject, what.file, value)) {
        check_content(subject, what);
    }
}

}  // namespace corral::package
