#include "corral/package/machine.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <fstream>
#include <string_view>

#include <elf.h>

#include "corral/core/text.hpp"
#include "corral/package/bounded_program.hpp"
#include "corral/process/elf_file.hpp"

namespace corral::package {

namespace {

constexpr std::string_view end_mark = "asked\n";

// Isolated mode leaves out the packages that a user installed for himself, which the script would find.
constexpr const char* question = R"(
import importlib.util, os, site, sys
home = site.getusersitepackages()
if os.path.isdir(home):
    sys.path.append(home)
for name in sys.argv[1:]:
    try:
        found = importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        found = False
    if not found:
        print(name)
print("asked")
)";

bool is_name(const std::string& text) {
    return !text.empty() && text.size() <= 100 && !core::is_digit(text[0]) &&
           std::ranges::all_of(text, [](char letter) {
               return letter == '_' || core::is_letter(letter) || core::is_digit(letter);
           });
}

}  // namespace

std::optional<std::vector<std::string>> ask_for_modules(const std::string& python,
                                                        const std::vector<std::string>& modules,
                                                        std::chrono::milliseconds patience) {
    std::vector<std::string> command{python, "-I", "-c", question};
    std::copy_if(modules.begin(), modules.end(), std::back_inserter(command), is_name);
    if (command.size() == 4) {
        return std::vector<std::string>();
    }
    if (python.empty()) {
        return std::nullopt;
    }
    const std::vector<std::string> asked(command.begin() + 4, command.end());
    const auto end = run_bounded({.command = std::move(command),
                                  .variables = clean_variables(),
                                  .patience = patience,
                                  .as_owner = true});
    if (!end || !end->whole || !end->output.ends_with(end_mark)) {
        return std::nullopt;
    }
    const std::string& answer = end->output;
    std::vector<std::string> missing;
    for (const auto& name : asked) {
        const bool is_missing =
            answer.starts_with(name + "\n") || answer.find("\n" + name + "\n") != std::string::npos;
        if (is_missing) {
            missing.push_back(name);
        }
    }
    return missing;
}

namespace {

// As the kernel sees the first bytes of a program of that machine.
std::string head_of(std::uint16_t number) {
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = ET_EXEC;
    header.e_machine = number;
    header.e_version = EV_CURRENT;
    return {reinterpret_cast<const char*>(&header), sizeof header};
}

// Of the machines that packages have programs for.
std::vector<std::uint16_t> emulated_machines() {
    constexpr std::array<std::uint16_t, 2> machines = {EM_AARCH64, EM_X86_64};
    std::vector<std::uint16_t> found;
    for (const std::uint16_t one : machines) {
        if (one != process::machine_here() && process::has_binfmt_handler(head_of(one))) {
            found.push_back(one);
        }
    }
    return found;
}

// docs/facts/vendor_ax.md#on-the-board.
bool stands_on_the_board() {
    std::array<char, 256> text{};
    std::ifstream in("/proc/ax_proc/board_id", std::ios::binary);
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    const std::string_view board(text.data(),
                                 static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
    return board.find("AX650") != std::string_view::npos;
}

constexpr std::array<std::string_view, 3> other_words = {"aarch64", "x86_64", "ax650"};

}  // namespace

std::span<const std::string_view> other_machines() {
    return other_words;
}

machine other_machine(std::string_view word) {
    machine out;
    out.elf_machine = word == "x86_64" ? EM_X86_64 : EM_AARCH64;
    out.is_board = word == "ax650";
    out.root.clear();
    return out;
}

machine this_machine() {
    constexpr std::chrono::seconds patience{20};
    machine here;
    here.elf_machine = process::machine_here();
    here.emulated = emulated_machines();
    here.is_board = stands_on_the_board();
    here.missing_modules = [patience](const std::string& python, const std::vector<std::string>& modules) {
        return ask_for_modules(python, modules, patience);
    };
    return here;
}

}  // namespace corral::package
