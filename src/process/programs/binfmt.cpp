#include <charconv>
#include <filesystem>

#include "corral/process/elf_file.hpp"
#include "process/proc_files.hpp"

namespace corral::process {

namespace {

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
