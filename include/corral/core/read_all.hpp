#pragma once
// Reading a descriptor to its end, over interruptions and short reads, within a bound. It blocks as long as the
// descriptor does.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace corral::core {

// To the end, or `most` bytes of it. nullopt, with errno, when a read fails.
[[nodiscard]] std::optional<std::string> read_all(int from, std::size_t most);

// The same from `offset` on, which leaves the file's own position alone. Empty beyond the end.
[[nodiscard]] std::optional<std::string> read_all_at(int from, std::uint64_t offset, std::size_t most);

}  // namespace corral::core
