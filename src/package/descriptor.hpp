#pragma once
// Opening what a stranger named: only plain files are ever opened for reading, so no FIFO blocks and no
// device notices.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <sys/stat.h>

#include "corral/core/result.hpp"

namespace corral::package {

// Owner of one plain descriptor.
class descriptor {
public:
    descriptor() = default;
    explicit descriptor(int value) noexcept : value_(value) {}
    descriptor(descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
    descriptor& operator=(descriptor&& other) noexcept {
        std::swap(value_, other.value_);
        return *this;
    }
    ~descriptor();
    [[nodiscard]] int get() const noexcept { return value_; }
    [[nodiscard]] bool valid() const noexcept { return value_ >= 0; }

private:
    int value_ = -1;
};

// A place in the file system that is held but not opened (O_PATH).
struct held_place {
    descriptor at;
    std::string real;  // its path without links; empty: the kernel does not say
    struct stat about {};
};

// Relative to `folder` (or AT_FDCWD), links followed. nullopt with errno.
[[nodiscard]] std::optional<held_place> hold(int folder, const std::string& path);

// For reading; nullopt with errno where it is no plain file (EINVAL) or may not be read.
[[nodiscard]] std::optional<descriptor> open_plain(const held_place& place);
[[nodiscard]] std::optional<descriptor> open_plain(const std::string& path);

// By mode and owner, as this process.
[[nodiscard]] bool may(const held_place& place, int access);

// At most `most` bytes from `offset`; what there is when the file is shorter. nullopt with errno.
[[nodiscard]] std::optional<std::string> read_at(const descriptor& file, std::uint64_t offset,
                                                 std::size_t most);

}  // namespace corral::package
