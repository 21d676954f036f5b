#include "corral/package/file_kind.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>

#include "corral/core/text.hpp"

namespace corral::package {

namespace {

constexpr std::string_view lfs_mark = "version https://git-lfs";
constexpr std::string_view blanks = " \t\r\n";

struct mark {
    std::string_view bytes;
    file_kind kind;
};

constexpr std::array marks = {
    mark{"\x7F"
         "ELF",
         file_kind::elf},
    mark{lfs_mark, file_kind::lfs_pointer},
    mark{"#!", file_kind::script},
    mark{"GGUF", file_kind::gguf},
    mark{"PK\x03\x04", file_kind::archive},
    mark{"\x1F\x8B", file_kind::archive},
    mark{"\xFD"
         "7zXZ",
         file_kind::archive},
    mark{"\x28\xB5\x2F\xFD", file_kind::archive},
    mark{"7z\xBC\xAF\x27\x1C", file_kind::archive},
};

// What hubs answer with a status that a careless downloader does not look at; the whole file is one such
// line.
constexpr std::array<std::string_view, 11> hub_lines = {
    "Invalid username or password.",
    "Entry not found",
    "Repository not found",
    "Revision not found",
    "Not Found",
    "404: Not Found",
    "Invalid credentials in Authorization header",
    "Access to model ",
    "Unauthorized",
    "Forbidden",
    "Too Many Requests",
};
constexpr std::size_t most_of_a_hub_line = 300;

std::string_view without_byte_order_mark(std::string_view text) {
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    return text.starts_with(byte_order_mark) ? text.substr(byte_order_mark.size()) : text;
}

bool is_html(std::string_view text) {
    if (!text.starts_with('<')) {
        return false;
    }
    const std::string start = core::lower_case(text.substr(0, 1024));
    constexpr std::array<std::string_view, 6> words = {"<html", "<!doctype", "<?xml",
                                                       "<head", "<body",     "<script"};
    return std::ranges::any_of(words,
                               [&](std::string_view word) { return start.find(word) != std::string::npos; });
}

bool is_hub_error(std::string_view whole) {
    return whole.size() <= most_of_a_hub_line &&
           std::ranges::any_of(hub_lines, [&](std::string_view line) { return whole.starts_with(line); });
}

bool is_text(std::string_view head) {
    return std::ranges::all_of(head, [](char letter) {
        const auto byte = static_cast<unsigned char>(letter);
        return byte >= 0x80 || (byte >= ' ' && byte != 0x7F) ||
               blanks.find(letter) != std::string_view::npos || letter == '\f' || letter == '\x1B';
    });
}

bool is_tar(std::string_view head) {
    constexpr std::size_t place = 257;
    return head.size() > place + 5 && head.substr(place, 5) == "ustar";
}

// A 64-bit length, then that many bytes of JSON.
bool is_safetensors(std::string_view head) {
    constexpr std::uint64_t longest = 100U * 1024 * 1024;
    std::uint64_t length = 0;
    if (head.size() < sizeof length + 2) {
        return false;
    }
    for (std::size_t i = 0; i < sizeof length; ++i) {
        length |= static_cast<std::uint64_t>(static_cast<unsigned char>(head[i])) << (8 * i);
    }
    return length >= 2 && length <= longest && head[sizeof length] == '{' && head[sizeof length + 1] != '\0';
}

bool is_letter_of_json(std::string_view text) {
    if (text.empty() || (text.front() != '{' && text.front() != '[')) {
        return false;
    }
    const auto next = text.find_first_not_of(blanks, 1);
    return next == std::string_view::npos ||
           std::string_view("\"{}[]-0123456789tfn").find(text[next]) != std::string_view::npos;
}

}  // namespace

file_kind find_kind(std::string_view head, std::string_view name) {
    head = head.substr(0, kind_bytes);
    if (head.empty()) {
        return file_kind::empty;
    }
    for (const mark& one : marks) {
        if (head.starts_with(one.bytes)) {
            return one.kind;
        }
    }
    if (head.find_first_not_of('\0') == std::string_view::npos) {
        return file_kind::zeros;
    }
    if (is_tar(head)) {
        return file_kind::archive;
    }
    if (is_text(head)) {
        const std::string_view text = core::trimmed(without_byte_order_mark(head));
        if (is_html(text)) {
            return file_kind::html;
        }
        if (head.size() < kind_bytes && is_hub_error(text)) {
            return file_kind::hub_error;
        }
        return is_letter_of_json(text) ? file_kind::json : file_kind::text;
    }
    if (is_safetensors(head)) {
        return file_kind::safetensors;
    }
    // Its content has no public mark.
    return name.ends_with(".rkllm") ? file_kind::rkllm : file_kind::data;
}

const char* kind_words(file_kind kind) noexcept {
    // In the order of the kinds.
    static constexpr std::array words{"a data file",
                                      "empty",
                                      "nothing but zeros",
                                      "a program or library",
                                      "a git-LFS pointer",
                                      "a web page",
                                      "an error message of a download",
                                      "JSON text",
                                      "a script",
                                      "a GGUF model",
                                      "an RKLLM model",
                                      "a safetensors file",
                                      "a packed archive",
                                      "plain text"};
    static_assert(words.size() == static_cast<std::size_t>(file_kind::text) + 1);
    return words[static_cast<std::size_t>(kind)];
}

std::optional<lfs_pointer> parse_lfs_pointer(std::string_view head) {
    if (!head.starts_with(lfs_mark)) {
        return std::nullopt;
    }
    constexpr std::size_t most_of_a_pointer = 1024;  // the specification's own limit
    constexpr std::string_view size_key = "size ";
    lfs_pointer out;
    std::string_view rest = head.substr(0, most_of_a_pointer);
    while (!rest.empty()) {
        const auto end = std::min(rest.find('\n'), rest.size());
        const std::string_view line = core::trimmed(rest.substr(0, end));
        if (line.starts_with(size_key)) {
            const std::string_view number = line.substr(size_key.size());
            out.size = core::whole_number<std::uint64_t>(number).value_or(0);
        }
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return out;
}

std::string size_words(std::uint64_t bytes) {
    constexpr std::array<const char*, 6> units = {"kB", "MB", "GB", "TB", "PB", "EB"};
    constexpr double step = 1000.0;
    if (bytes < 1000) {
        return std::to_string(bytes) + (bytes == 1 ? " byte" : " bytes");
    }
    double value = static_cast<double>(bytes) / step;
    std::size_t unit = 0;
    // 999.95 would be rounded to 1000.0.
    while (value >= 999.95 && unit + 1 < units.size()) {
        value /= step;
        ++unit;
    }
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.1f %s", value, units[unit]);
    return text.data();
}

}  // namespace corral::package
