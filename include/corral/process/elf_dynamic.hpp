#pragma once
// What a program or library asks of the dynamic loader: the libraries it needs and where it wants them looked
// for. Read by pieces, for the section may lie anywhere in a large file.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace corral::process {

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
