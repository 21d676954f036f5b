#pragma once
// What an ELF header says about whether this machine can run the file.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace corral::process {

struct elf_summary {
    std::uint16_t machine = 0;       // e_machine
    std::uint16_t type = 0;          // e_type
    std::uint64_t bytes_needed = 0;  // the file must be at least this long: headers, segments and sections
    bool has_loader = false;         // PT_INTERP; static programs and libraries have none
    std::string loader;              // its path, where it lies in the head: editors of programs move it
};

[[nodiscard]] bool is_elf(std::string_view head);
// `head`: the first bytes of the file. nullopt when the header itself is cut or nonsense; then bytes are
// missing too.
[[nodiscard]] std::optional<elf_summary> parse_elf(std::string_view head);

[[nodiscard]] std::uint16_t machine_here();
// True when the kernel itself may run it: same machine, or its 32-bit predecessor.
[[nodiscard]] bool runs_natively(std::uint16_t machine);
// "aarch64", "x86-64" ..., else "machine 247".
[[nodiscard]] std::string machine_name(std::uint16_t machine);

// True when an enabled binfmt_misc handler in `folder` takes a file that begins with `head` (emulators such
// as qemu-user).
[[nodiscard]] bool has_binfmt_handler(std::string_view head,
                                      const std::string& folder = "/proc/sys/fs/binfmt_misc");

}  // namespace corral::process
