#include "doctor/root_files.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <unistd.h>

#include "corral/core/text.hpp"

namespace corral::doctor {

namespace fs = std::filesystem;

fs::path below(const fs::path& root, std::string_view path) {
    return root / fs::path(path).relative_path();
}

std::optional<std::string> read_up_to(const fs::path& file, std::size_t limit) {
    const int handle = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (handle < 0) {
        return std::nullopt;
    }
    std::string text;
    std::array<char, 16384> part{};
    bool failed = false;
    while (text.size() < limit) {
        const ssize_t got = ::read(handle, part.data(), std::min(part.size(), limit - text.size()));
        if (got > 0) {
            text.append(part.data(), static_cast<std::size_t>(got));
            continue;
        }
        if (got < 0 && (errno == EINTR || errno == EPIPE)) {
            continue;  // EPIPE: lines of the kernel's log were overwritten; the next are there
        }
        failed = got < 0 && errno != EAGAIN;
        break;
    }
    ::close(handle);
    return failed && text.empty() ? std::nullopt : std::optional(std::move(text));
}

std::string first_line(const fs::path& file) {
    constexpr std::size_t longest = 4096;
    std::string text = read_up_to(file, longest).value_or("");
    // Texts of the device tree end with a zero.
    text.resize(std::min(text.find_first_of(std::string_view("\n\0", 2)), text.size()));
    return std::string(core::trimmed(text));
}

std::optional<std::uint64_t> memory_figure(const fs::path& root, std::string_view name) {
    const std::string text = read_up_to(below(root, "/proc/meminfo")).value_or("");
    std::string_view rest = text;
    while (!rest.empty()) {
        std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        if (line.size() <= name.size() || !line.starts_with(name) || line[name.size()] != ':') {
            continue;
        }
        line.remove_prefix(name.size() + 1);
        std::uint64_t value = 0;
        bool any = false;
        for (const char c : line) {
            if (core::is_digit(c) && value < UINT64_MAX / 100) {
                value = value * 10 + static_cast<std::uint64_t>(c - '0');
                any = true;
            } else if (any) {
                break;
            }
        }
        return any ? std::optional(value) : std::nullopt;
    }
    return std::nullopt;
}

std::string size_text(std::uint64_t bytes) {
    constexpr double mega = 1e6;
    constexpr double giga = 1e9;
    const auto amount = static_cast<double>(bytes);
    std::array<char, 32> text{};
    if (amount >= giga) {
        std::snprintf(text.data(), text.size(), "%.1f GB", amount / giga);
    } else {
        std::snprintf(text.data(), text.size(), "%.0f MB", amount / mega);
    }
    return text.data();
}

}  // namespace corral::doctor
