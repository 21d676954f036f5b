#include "corral/core/owned_fd.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>

namespace corral::core {

namespace {

constexpr std::size_t part = std::size_t{16} * 1024;

// `step` reads into a buffer of a size, behind as many bytes as were read before.
template <typename Step>
std::optional<std::string> gather(std::size_t most, Step step) {
    std::string text;
    std::size_t filled = 0;
    while (filled < most) {
        text.resize(filled + std::min(part, most - filled));
        const ssize_t got = step(text.data() + filled, text.size() - filled, filled);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return std::nullopt;
        }
        if (got == 0) {
            break;
        }
        filled += static_cast<std::size_t>(got);
    }
    text.resize(filled);
    return text;
}

}  // namespace

bool write_all(int to, std::string_view text) noexcept {
    while (!text.empty()) {
        const ssize_t taken = ::write(to, text.data(), text.size());
        if (taken < 0 && errno != EINTR) {
            return false;
        }
        text.remove_prefix(taken < 0 ? 0 : static_cast<std::size_t>(taken));
    }
    return true;
}

std::optional<std::string> read_all(int from, std::size_t most) {
    return gather(most,
                  [from](char* into, std::size_t room, std::size_t) { return ::read(from, into, room); });
}

std::optional<std::string> read_all_at(int from, std::uint64_t offset, std::size_t most) {
    constexpr auto farthest = static_cast<std::uint64_t>(std::numeric_limits<off_t>::max());
    if (offset > farthest || most > farthest - offset) {
        return std::string();
    }
    return gather(most, [=](char* into, std::size_t room, std::size_t filled) {
        return ::pread(from, into, room, static_cast<off_t>(offset + filled));
    });
}

}  // namespace corral::core
