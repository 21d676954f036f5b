#pragma once
// What an ELF header says about whether this machine can run the file, and what it asks of the dynamic loader.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace corral::process {

// What an ELF header says about whether this machine can run the file.
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

// What a program or library asks of the dynamic loader: the libraries it needs and where it wants them looked
// for. Read by pieces, for the section may lie anywhere in a large file.

// Up to `most` bytes from `offset`; shorter at the end of the file, nothing when it can't be read.
using byte_source = std::function<std::optional<std::string>(std::uint64_t offset, std::size_t most)>;

struct elf_dynamic {
    std::vector<std::string> needed;  // DT_NEEDED, in order
    std::string rpath;                // DT_RPATH, as written
    std::string runpath;              // DT_RUNPATH
};

// Empty for a static program. Nothing when the file is no ELF of this byte order, or is cut off before what
// its headers name. Asks for 64 KiB at most; of more than 64 libraries only the first are listed.
[[nodiscard]] std::optional<elf_dynamic> read_dynamic(const byte_source& from);

}  // namespace corral::process
