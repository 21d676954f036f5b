#pragma once
// What the readers of ELF files share.

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include <elf.h>

namespace corral::process {

struct elf32_layout {
    using header = Elf32_Ehdr;
    using segment = Elf32_Phdr;
    using tag = Elf32_Dyn;
};

struct elf64_layout {
    using header = Elf64_Ehdr;
    using segment = Elf64_Phdr;
    using tag = Elf64_Dyn;
};

// Nothing when it is not wholly inside.
template <typename T>
[[nodiscard]] std::optional<T> value_at(std::string_view bytes, std::uint64_t offset) {
    if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) {
        return std::nullopt;
    }
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

// REQUIRES, like the next: `head` holds EI_NIDENT bytes.
[[nodiscard]] inline bool is_in_own_byte_order(std::string_view head) {
    constexpr char own = std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;
    return head[EI_DATA] == own;
}

// `read` for the layout that the file names; nothing for another.
template <typename Read>
[[nodiscard]] auto read_by_class(std::string_view head, Read read) -> decltype(read(elf64_layout{})) {
    switch (head[EI_CLASS]) {
        case ELFCLASS64:
            return read(elf64_layout{});
        case ELFCLASS32:
            return read(elf32_layout{});
        default:
            return std::nullopt;
    }
}

}  // namespace corral::process
