#pragma once
// A file descriptor with an owner, so that no way out leaks one, and writing to it to the end. For files and
// sockets whose every step must be known.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <unistd.h>

namespace corral::core {

class owned_fd {
public:
    owned_fd() = default;
    // What the kernel gave; negative: it gave none.
    explicit owned_fd(int value) noexcept : value_(value) {}
    owned_fd(owned_fd&& other) noexcept : value_(other.release()) {}
    owned_fd& operator=(owned_fd&& other) noexcept {
        reset(other.release());
        return *this;
    }
    ~owned_fd() { reset(); }

    [[nodiscard]] int get() const noexcept { return value_; }
    [[nodiscard]] bool valid() const noexcept { return value_ >= 0; }
    // The caller closes it.
    [[nodiscard]] int release() noexcept { return std::exchange(value_, -1); }
    void reset(int value = -1) noexcept {
        if (value_ >= 0) {
            // Linux frees the number whatever close returns, so there is nothing to do about an error.
            ::close(value_);
        }
        value_ = value;
    }
    // As reset(), for what was written to: false, with errno, when that may be lost.
    [[nodiscard]] bool close() noexcept {
        const int open = release();
        return open < 0 || ::close(open) == 0;
    }

private:
    int value_ = -1;
};

// To the last byte, over interruptions. False, with errno.
[[nodiscard]] bool write_all(int to, std::string_view text) noexcept;

// Reading a descriptor to its end, over interruptions and short reads, within a bound. It blocks as long as the
// descriptor does.

// To the end, or `most` bytes of it. nullopt, with errno, when a read fails.
[[nodiscard]] std::optional<std::string> read_all(int from, std::size_t most);

// The same from `offset` on, which leaves the file's own position alone. Empty beyond the end.
[[nodiscard]] std::optional<std::string> read_all_at(int from, std::uint64_t offset, std::size_t most);

}  // namespace corral::core
