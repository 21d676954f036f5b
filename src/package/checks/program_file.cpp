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
    subject.add(
        severity::error,
        core::say("program.wrong-architecture", named(what.value), process::machine_name(machine), here), {},
        other.empty() ? core::say("program.wrong-architecture/build", here)
                      : core::say("program.wrong-architecture/other", shown(other), here));
}

void tell_missing_library(examination& subject, const program& what, const library_gap& gap, bool foreign,
                          std::size_t more) {
    const std::string others = more == 0 ? std::string() : " and " + std::to_string(more) + " more";
    const std::string file = named(what.value);
    const std::string library = named(gap.name);
    const core::reason why = core::say("program.library-missing/loader");
    if (foreign) {
        subject.add(severity::warning, core::say("program.library-missing/machine", file, library, others),
                    core::say("program.library-missing/emulated"),
                    core::say("program.library-missing/prefix"));
    } else if (!gap.unusable.empty()) {
        subject.add(severity::error,
                    core::say("program.library-wrong-machine", file, library, others, named(gap.unusable)),
                    why, advice_for(what.service, status_not_found));
    } else if (!gap.elsewhere.empty()) {
        if (what.service != nullptr) {
            subject.repairs.push_back(
                {"program.library-not-searched", {}, what.service->name, "LD_LIBRARY_PATH", gap.elsewhere});
        }
        subject.add(severity::error,
                    core::say("program.library-not-searched", file, library, others, named(gap.elsewhere)),
                    why, core::say("program.library-not-searched/set", shown(gap.elsewhere)));
    } else {
        subject.add(severity::error, core::say("program.library-missing", file, library, others), why,
                    advice_for(what.service, status_not_found));
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
    const core::reason missing = core::say("program.loader-missing", named(what.value), named(elf.loader));
    if (foreign) {
        subject.add(severity::warning, missing, core::say("program.loader-missing/emulated"),
                    core::say("program.loader-missing/prefix"));
    } else {
        subject.add(severity::error, missing);
    }
    return false;
}

// False: no program that could be started, whatever its permissions.
bool check_elf(examination& subject, const program& what) {
    const auto head = what.file.tree.read(what.file.path, head_bytes);
    const auto elf = head ? process::parse_elf(*head) : std::nullopt;
    if (!elf || elf->bytes_needed > what.file.about.size) {
        const std::string whole = elf ? "at least " + size_words(elf->bytes_needed) : std::string("more");
        subject.add(
            severity::error,
            core::say("program.truncated", named(what.value), size_words(what.file.about.size), whole), {},
            fetch_advice(subject, {what.value}, false));
        return false;
    }
    if (elf->type != ET_EXEC && elf->type != ET_DYN) {
        subject.add(severity::error, core::say("program.object-file", named(what.value)), "");
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
            subject.add(severity::error, core::say("program.is-library", named(what.value)), "");
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
        subject.add(severity::error, core::say("program.noexec-mount", named(what.value)));
    } else if (!what.file.about.executable) {
        subject.repairs.push_back({"program.not-executable", what.path, {}, {}, {}});
        const auto word = core::word_to_paste(what.path.string());
        subject.add(
            severity::error, core::say("program.not-executable", named(what.value)), {},
            word ? std::optional(core::say("program.not-executable/run", *word).text()) : std::nullopt);
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
        subject.add(severity::error,
                    core::say("program.interpreter-missing", shown(fault->message, 400) + "."), "",
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
            subject.add(severity::error, core::say("program.not-in-path", named(value)), "",
                        is_just_there(subject, value)
                            ? core::say("program.not-in-path/here", shown(value)).text()
                            : advice_for(what.service, status_not_found));
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
