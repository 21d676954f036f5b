#pragma once
// Tiny programs and libraries, valid to who reads their headers, for any 64-bit machine.

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <elf.h>

namespace corral::tests {

struct elf_wish {
    std::uint16_t machine = EM_X86_64;
    std::uint16_t type = ET_DYN;
    std::string loader{};  // empty: none, as a library
    std::vector<std::string> needed{};
    std::string rpath{};
    std::string runpath{};
    std::size_t padding = 200'000;  // behind it, so that it is as large as a real one
};

inline std::string make_elf(const elf_wish& wish) {
    constexpr std::uint64_t base = 0x10000;  // addresses differ from offsets
    std::string strings(1, '\0');
    std::vector<Elf64_Dyn> tags;
    const auto add = [&](Elf64_Sxword tag, std::uint64_t value) {
        Elf64_Dyn one{};
        one.d_tag = tag;
        one.d_un.d_val = value;
        tags.push_back(one);
    };
    const auto add_text = [&](Elf64_Sxword tag, const std::string& text) {
        add(tag, strings.size());
        strings += text;
        strings += '\0';
    };
    for (const auto& name : wish.needed) {
        add_text(DT_NEEDED, name);
    }
    if (!wish.rpath.empty()) {
        add_text(DT_RPATH, wish.rpath);
    }
    if (!wish.runpath.empty()) {
        add_text(DT_RUNPATH, wish.runpath);
    }
    const std::size_t segments = wish.loader.empty() ? 2 : 3;
    const std::uint64_t strings_at = sizeof(Elf64_Ehdr) + segments * sizeof(Elf64_Phdr);
    std::string text = strings;
    const std::uint64_t loader_at = strings_at + text.size();
    text += wish.loader;
    text.append(8 - (strings_at + text.size()) % 8, '\0');
    const std::uint64_t dynamic_at = strings_at + text.size();
    add(DT_STRTAB, base + strings_at);
    add(DT_STRSZ, strings.size());
    add(DT_NULL, 0);
    const std::uint64_t end = dynamic_at + tags.size() * sizeof(Elf64_Dyn) + wish.padding;

    std::string out;
    const auto append = [&](const void* from, std::size_t size) {
        out.append(static_cast<const char*>(from), size);
    };
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = wish.type;
    header.e_machine = wish.machine;
    header.e_version = EV_CURRENT;
    header.e_phoff = sizeof(Elf64_Ehdr);
    header.e_ehsize = sizeof(Elf64_Ehdr);
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = static_cast<Elf64_Half>(segments);
    append(&header, sizeof header);
    const auto segment = [&](Elf64_Word type, std::uint64_t offset, std::uint64_t size) {
        Elf64_Phdr one{};
        one.p_type = type;
        one.p_offset = offset;
        one.p_vaddr = base + offset;
        one.p_filesz = size;
        one.p_memsz = size;
        append(&one, sizeof one);
    };
    segment(PT_LOAD, 0, end);
    segment(PT_DYNAMIC, dynamic_at, tags.size() * sizeof(Elf64_Dyn));
    if (!wish.loader.empty()) {
        segment(PT_INTERP, loader_at, wish.loader.size() + 1);
    }
    out += text;
    append(tags.data(), tags.size() * sizeof(Elf64_Dyn));
    out.append(wish.padding, '\x90');
    return out;
}

}  // namespace corral::tests
