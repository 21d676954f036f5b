#include "corral/package/machine.hpp"

#include <array>
#include <chrono>
#include <cstring>
#include <fstream>
#include <string_view>

#include <elf.h>

#include "corral/process/elf_file.hpp"
#include "package/files/python_modules.hpp"

namespace corral::package {

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
