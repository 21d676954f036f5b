#include "corral/process/elf_file.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <filesystem>

#include "process/proc_files.hpp"
#include "process/programs/elf_layout.hpp"

namespace corral::process {

namespace {

// Saturates, for the numbers come from a file that may be garbage.
std::uint64_t sum(std::uint64_t a, std::uint64_t b) {
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

template <typename Layout>
std::optional<elf_summary> summarize(std::string_view head) {
    const auto header = value_at<typename Layout::header>(head, 0);
    if (!header) {
        return std::nullopt;
    }
    elf_summary result;
    result.machine = header->e_machine;
    result.type = header->e_type;
    const auto table_end = [](std::uint64_t offset, std::uint64_t count, std::uint64_t size) {
        return count == 0 ? 0 : sum(offset, count * size);
    };
    result.bytes_needed = std::max({std::uint64_t{sizeof(typename Layout::header)},
                                    table_end(header->e_phoff, header->e_phnum, header->e_phentsize),
                                    table_end(header->e_shoff, header->e_shnum, header->e_shentsize)});
    for (std::uint64_t index = 0; index < header->e_phnum; ++index) {
        const auto segment =
            value_at<typename Layout::segment>(head, sum(header->e_phoff, index * header->e_phentsize));
        if (!segment) {
            break;  // beyond what was read; the end of the table is in bytes_needed
        }
        if (segment->p_type == PT_LOAD) {
            result.bytes_needed = std::max(result.bytes_needed, sum(segment->p_offset, segment->p_filesz));
        } else if (segment->p_type == PT_INTERP) {
            result.has_loader = true;
            if (segment->p_offset < head.size()) {
                const std::string_view text = head.substr(segment->p_offset, segment->p_filesz);
                result.loader = text.substr(0, text.find('\0'));
            }
        }
    }
    return result;
}

constexpr std::size_t max_entry_bytes = 4096;

struct binfmt_entry {
    bool enabled = false;
    std::size_t offset = 0;
    std::string magic;
    std::string mask;  // empty: all bits count
};

std::string from_hex(std::string_view hex) {
    std::string bytes;
    for (; hex.size() >= 2; hex.remove_prefix(2)) {
        unsigned value = 0;
        std::from_chars(hex.data(), hex.data() + 2, value, 16);
        bytes.push_back(static_cast<char>(value));
    }
    return bytes;
}

binfmt_entry parse_entry(std::string_view text) {
    binfmt_entry entry;
    while (!text.empty()) {
        const auto end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        if (line == "enabled") {
            entry.enabled = true;
        } else if (line.starts_with("offset ")) {
            std::from_chars(line.data() + 7, line.data() + line.size(), entry.offset);
        } else if (line.starts_with("magic ")) {
            entry.magic = from_hex(line.substr(6));
        } else if (line.starts_with("mask ")) {
            entry.mask = from_hex(line.substr(5));
        }
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return entry;
}

bool takes(const binfmt_entry& entry, std::string_view head) {
    if (!entry.enabled || entry.magic.empty() || entry.offset > head.size() ||
        head.size() - entry.offset < entry.magic.size()) {
        return false;
    }
    for (std::size_t i = 0; i < entry.magic.size(); ++i) {
        const int mask = i < entry.mask.size() ? entry.mask[i] : ~0;
        if (((head[entry.offset + i] ^ entry.magic[i]) & mask & 0xFF) != 0) {
            return false;
        }
    }
    return true;
}

}  // namespace

bool is_elf(std::string_view head) {
    return head.starts_with(std::string_view(ELFMAG, SELFMAG));
}

std::optional<elf_summary> parse_elf(std::string_view head) {
    if (!is_elf(head) || head.size() < EI_NIDENT) {
        return std::nullopt;
    }
    if (!is_in_own_byte_order(head)) {
        // Only the machine matters then, and it is in the other byte order.
        const auto machine = value_at<std::uint16_t>(head, offsetof(Elf64_Ehdr, e_machine));
        if (!machine) {
            return std::nullopt;
        }
        elf_summary foreign;
        foreign.machine = static_cast<std::uint16_t>((*machine >> 8U) | (*machine << 8U));
        foreign.type = ET_EXEC;
        return foreign;
    }
    return read_by_class(head, [&]<typename Layout>(Layout) { return summarize<Layout>(head); });
}

std::uint16_t machine_here() {
#if defined(__x86_64__)
    return EM_X86_64;
#elif defined(__aarch64__)
    return EM_AARCH64;
#elif defined(__arm__)
    return EM_ARM;
#elif defined(__riscv)
    return EM_RISCV;
#else
#error "name this machine's ELF number"
#endif
}

bool runs_natively(std::uint16_t machine) {
    const std::uint16_t here = machine_here();
    return machine == here || (here == EM_X86_64 && machine == EM_386) ||
           (here == EM_AARCH64 && machine == EM_ARM);
}

std::string machine_name(std::uint16_t machine) {
    switch (machine) {
        case EM_X86_64:
            return "x86-64";
        case EM_386:
            return "32-bit x86";
        case EM_AARCH64:
            return "aarch64";
        case EM_ARM:
            return "32-bit ARM";
        case EM_RISCV:
            return "RISC-V";
        default:
            return "machine " + std::to_string(machine);
    }
}

bool has_binfmt_handler(std::string_view head, const std::string& folder) {
    const auto status = read_file(folder + "/status", max_entry_bytes);
    if (!status || !status->starts_with("enabled")) {
        return false;
    }
    std::error_code failed;
    for (std::filesystem::directory_iterator entry(folder, failed), end; !failed && entry != end;
         entry.increment(failed)) {
        const auto text = read_file(entry->path().string(), max_entry_bytes);
        if (text && takes(parse_entry(*text), head)) {
            return true;
        }
    }
    return false;
}

}  // namespace corral::process
