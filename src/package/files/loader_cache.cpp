#include "package/files/library_search.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <set>

#include <glob.h>

#include "corral/core/owned_fd.hpp"
#include "corral/core/text.hpp"

#include "package/files/path_handle.hpp"

namespace corral::package {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view new_mark = "glibc-ld.so.cache1.1";
constexpr std::string_view old_mark = "ld.so-1.7.0";
constexpr std::size_t old_count_at = 12;
constexpr std::size_t old_header = 16;
constexpr std::size_t old_entry = 12;
constexpr std::size_t new_count_at = 20;
constexpr std::size_t new_header = 48;
constexpr std::size_t new_entry = 24;
constexpr std::size_t most_entries = 100'000;
constexpr std::size_t longest_text = 4096;
constexpr std::size_t cache_bytes = 16U * 1024 * 1024;
constexpr std::size_t configuration_bytes = 64U * 1024;
constexpr std::size_t most_files = 200;

std::optional<std::uint32_t> number_at(std::string_view bytes, std::size_t offset) {
    std::uint32_t value = 0;
    if (offset > bytes.size() || bytes.size() - offset < sizeof value) {
        return std::nullopt;
    }
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

std::optional<std::string> text_at(std::string_view bytes, std::size_t offset) {
    if (offset >= bytes.size()) {
        return std::nullopt;
    }
    const std::string_view text = bytes.substr(offset, longest_text);
    const auto end = text.find('\0');
    return end == std::string_view::npos ? std::nullopt : std::optional(std::string(text.substr(0, end)));
}

// Without the old form in front of it.
std::string_view new_part(std::string_view bytes) {
    if (bytes.starts_with(new_mark)) {
        return bytes;
    }
    if (bytes.starts_with(old_mark)) {
        const auto count = number_at(bytes, old_count_at);
        constexpr std::size_t alignment = 8;
        if (count && *count <= most_entries) {
            const std::size_t end = old_header + *count * old_entry;
            const std::size_t begin = (end + alignment - 1) / alignment * alignment;
            if (begin < bytes.size() && bytes.substr(begin).starts_with(new_mark)) {
                return bytes.substr(begin);
            }
        }
    }
    return {};
}

class configuration_reader {
public:
    explicit configuration_reader(fs::path root) : root_(std::move(root)) {}

    void read(const std::string& path) {
        if (seen_.size() >= most_files || !seen_.insert(path).second) {
            return;
        }
        const auto file = open_plain(path);
        const auto text = file ? core::read_all_at(file->get(), 0, configuration_bytes) : std::nullopt;
        if (!text) {
            return;
        }
        std::string_view rest = *text;
        while (!rest.empty()) {
            const auto end = std::min(rest.find('\n'), rest.size());
            take_line(rest.substr(0, end), path);
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
    }
    [[nodiscard]] std::vector<std::string> take() { return std::move(folders_); }

private:
    void take_line(std::string_view line, const std::string& from) {
        constexpr std::string_view blanks = " \t\r";
        constexpr std::string_view include = "include";
        line = core::trimmed(line.substr(0, line.find('#')), blanks);
        if (line.empty()) {
            return;
        }
        if (line.starts_with(include) && line.size() > include.size() &&
            blanks.find(line[include.size()]) != std::string_view::npos) {
            line.remove_prefix(line.find_first_not_of(blanks, include.size()));
            read_all(std::string(line), from);
        } else if (line.front() == '/') {
            folders_.emplace_back(line);
        }
    }
    void read_all(const std::string& pattern, const std::string& from) {
        const fs::path whole =
            pattern.front() == '/' ? root_ / pattern.substr(1) : fs::path(from).parent_path() / pattern;
        ::glob_t found{};
        if (::glob(whole.c_str(), 0, nullptr, &found) == 0) {
            for (std::size_t i = 0; i < found.gl_pathc; ++i) {
                read(found.gl_pathv[i]);
            }
        }
        ::globfree(&found);
    }

    fs::path root_;
    std::set<std::string> seen_;
    std::vector<std::string> folders_;
};

}  // namespace

library_index parse_loader_cache(std::string_view bytes) {
    library_index out;
    const std::string_view cache = new_part(bytes);
    const auto count = number_at(cache, new_count_at);
    if (!count || *count > most_entries) {
        return out;
    }
    for (std::size_t i = 0; i < *count; ++i) {
        const std::size_t entry = new_header + i * new_entry;
        const auto key = number_at(cache, entry + 4);
        const auto value = number_at(cache, entry + 8);
        if (!key || !value) {
            break;
        }
        auto name = text_at(cache, *key);
        auto path = text_at(cache, *value);
        if (name && path && !name->empty() && path->starts_with('/')) {
            out.emplace(std::move(*name), std::move(*path));
        }
    }
    return out;
}

loader_configuration read_loader_configuration(const fs::path& root) {
    loader_configuration out;
    if (const auto file = open_plain((root / "etc/ld.so.cache").string())) {
        if (const auto bytes = core::read_all_at(file->get(), 0, cache_bytes)) {
            out.cache = parse_loader_cache(*bytes);
        }
    }
    if (out.cache.empty()) {
        configuration_reader reader(root);
        reader.read((root / "etc/ld.so.conf").string());
        out.folders = reader.take();
    }
    return out;
}

}  // namespace corral::package
