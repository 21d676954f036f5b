#pragma once
// Numbers that can't be mixed up.

#include <compare>
#include <cstdint>
#include <functional>

namespace corral::core {

template <typename Tag>
struct strong_id {
    std::uint64_t value = 0;
    // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes the 0 of the comparison for a pointer
    friend auto operator<=>(const strong_id&, const strong_id&) = default;
};

}  // namespace corral::core

template <typename Tag>
struct std::hash<corral::core::strong_id<Tag>> {
    std::size_t operator()(const corral::core::strong_id<Tag>& id) const noexcept {
        return std::hash<std::uint64_t>{}(id.value);
    }
};
