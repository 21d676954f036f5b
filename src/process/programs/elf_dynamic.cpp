#include "corral/process/elf_dynamic.hpp"

#include <algorithm>
#include <string_view>

#include "corral/process/elf_file.hpp"
#include "process/programs/elf_layout.hpp"

namespace corral::process {

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
