#include "corral/process/elf_file.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string_view>

#include <elf.h>

#include "process/proc_files.hpp"

namespace corral::process {

namespace {

// What the readers of ELF files share.
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
std::optional<T> value_at(std::string_view bytes, std::uint64_t offset) {
    if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) {
        return std::nullopt;
    }
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

// REQUIRES, like the next: `head` holds EI_NIDENT bytes.
bool is_in_own_byte_order(std::string_view head) {
    constexpr char own = std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;
    return head[EI_DATA] == own;
}

// `read` for the layout that the file names; nothing for another.
template <typename Read>
auto read_by_class(std::string_view head, Read read) -> decltype(read(elf64_layout{})) {
    switch (head[EI_CLASS]) {
        case ELFCLASS64:
            return read(elf64_layout{});
        case ELFCLASS32:
            return read(elf32_layout{});
        default:
            return std::nullopt;
    }
}

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

namespace {

constexpr std::size_t most_segments = 128;
constexpr std::size_t most_tags = 1024;
constexpr std::size_t most_libraries = 64;
constexpr std::size_t longest_name = 256;
constexpr std::size_t longest_search_path = 4096;

struct segment_range {
    std::uint64_t address = 0;
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
};

struct dynamic_tags {
    std::vector<std::uint64_t> needed;
    std::optional<std::uint64_t> rpath;
    std::optional<std::uint64_t> runpath;
    std::uint64_t strings_address = 0;
    std::uint64_t strings_size = 0;
};

// Where in the file the byte of that address is, and how many of its segment follow.
std::optional<segment_range> in_file(const std::vector<segment_range>& loaded, std::uint64_t address) {
    for (const auto& one : loaded) {
        if (address >= one.address && address - one.address < one.size) {
            const std::uint64_t skipped = address - one.address;
            if (one.offset > UINT64_MAX - skipped) {
                return std::nullopt;
            }
            return segment_range{address, one.offset + skipped, one.size - skipped};
        }
    }
    return std::nullopt;
}

template <typename Layout>
dynamic_tags read_tags(std::string_view section) {
    dynamic_tags out;
    for (std::size_t i = 0; i < most_tags; ++i) {
        const auto entry = value_at<typename Layout::tag>(section, i * sizeof(typename Layout::tag));
        if (!entry || entry->d_tag == DT_NULL) {
            break;
        }
        const std::uint64_t value = entry->d_un.d_val;
        switch (entry->d_tag) {
            case DT_NEEDED:
                if (out.needed.size() < most_libraries) {
                    out.needed.push_back(value);
                }
                break;
            case DT_RPATH:
                out.rpath = value;
                break;
            case DT_RUNPATH:
                out.runpath = value;
                break;
            case DT_STRTAB:
                out.strings_address = value;
                break;
            case DT_STRSZ:
                out.strings_size = value;
                break;
            default:
                break;
        }
    }
    return out;
}

class string_table {
public:
    string_table(const byte_source& from, segment_range where) : from_(&from), where_(where) {}
    // Nothing when it lies beyond the table or the file, or has no end within `most`.
    [[nodiscard]] std::optional<std::string> text(std::uint64_t place, std::size_t most) const {
        if (place >= where_.size || where_.offset > UINT64_MAX - place) {
            return std::nullopt;
        }
        const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(most, where_.size - place));
        const auto bytes = (*from_)(where_.offset + place, wanted);
        const auto end = bytes ? bytes->find('\0') : std::string::npos;
        return end == std::string::npos ? std::nullopt : std::optional(bytes->substr(0, end));
    }

private:
    const byte_source* from_;
    segment_range where_;
};

std::optional<elf_dynamic> read_names(const dynamic_tags& tags, const string_table& strings) {
    elf_dynamic out;
    for (const std::uint64_t place : tags.needed) {
        auto name = strings.text(place, longest_name);
        if (!name) {
            return std::nullopt;
        }
        if (!name->empty()) {
            out.needed.push_back(std::move(*name));
        }
    }
    if (tags.rpath) {
        out.rpath = strings.text(*tags.rpath, longest_search_path).value_or("");
    }
    if (tags.runpath) {
        out.runpath = strings.text(*tags.runpath, longest_search_path).value_or("");
    }
    return out;
}

template <typename Layout>
std::optional<elf_dynamic> read_as(const byte_source& from, std::string_view head) {
    using segment = typename Layout::segment;
    const auto header = value_at<typename Layout::header>(head, 0);
    if (!header || (header->e_phnum != 0 && header->e_phentsize != sizeof(segment))) {
        return std::nullopt;
    }
    const std::size_t count = std::min<std::size_t>(header->e_phnum, most_segments);
    const auto table = from(header->e_phoff, count * sizeof(segment));
    if (!table || table->size() < count * sizeof(segment)) {
        return std::nullopt;
    }
    std::vector<segment_range> loaded;
    std::optional<segment_range> dynamic;
    for (std::size_t i = 0; i < count; ++i) {
        const auto one = value_at<segment>(*table, i * sizeof(segment));
        const segment_range range{one->p_vaddr, one->p_offset, one->p_filesz};
        if (one->p_type == PT_LOAD) {
            loaded.push_back(range);
        } else if (one->p_type == PT_DYNAMIC) {
            dynamic = range;
        }
    }
    if (!dynamic) {
        return elf_dynamic{};
    }
    const auto wanted = static_cast<std::size_t>(
        std::min<std::uint64_t>(dynamic->size, most_tags * sizeof(typename Layout::tag)));
    const auto section = from(dynamic->offset, wanted);
    if (!section || section->size() < wanted) {
        return std::nullopt;
    }
    const dynamic_tags tags = read_tags<Layout>(*section);
    const auto place = in_file(loaded, tags.strings_address);
    if (!place) {
        return tags.needed.empty() ? std::optional(elf_dynamic{}) : std::nullopt;
    }
    segment_range strings = *place;
    strings.size = std::min(strings.size, tags.strings_size);
    return read_names(tags, string_table(from, strings));
}

}  // namespace

std::optional<elf_dynamic> read_dynamic(const byte_source& from) {
    const auto head = from(0, sizeof(Elf64_Ehdr));
    if (!head || !is_elf(*head) || head->size() < EI_NIDENT || !is_in_own_byte_order(*head)) {
        return std::nullopt;
    }
    return read_by_class(*head, [&]<typename Layout>(Layout) { return read_as<Layout>(from, *head); });
}

}  // namespace corral::process
