#pragma once
// A text that one image of this process leaves to the next: an anonymous file that can't be changed any
// more.

#include <cstddef>
#include <string>

#include "corral/core/result.hpp"

namespace corral::process {

// A close-on-exec descriptor, the caller's to close.
[[nodiscard]] core::result<int> make_sealed_memory(const std::string& text);
// All of it. Fails when `fd` is no such file or holds more than `limit` bytes. Leaves it open.
[[nodiscard]] core::result<std::string> read_sealed_memory(int fd, std::size_t limit);

}  // namespace corral::process
