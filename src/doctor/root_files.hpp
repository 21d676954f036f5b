#pragma once
// Small files of the kernel and of the system, below a root that a test may choose.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace corral::doctor {

// `path` ("/proc/meminfo") below `root`.
[[nodiscard]] std::filesystem::path below(const std::filesystem::path& root, std::string_view path);

// At most `limit` bytes, never waiting for more (a FIFO, the kernel's log); nothing when it can't be read.
[[nodiscard]] std::optional<std::string> read_up_to(const std::filesystem::path& file,
                                                    std::size_t limit = 64 * 1024);
// The first line without blanks at its ends; "" when there is none.
[[nodiscard]] std::string first_line(const std::filesystem::path& file);

// A figure of /proc/meminfo in KiB.
[[nodiscard]] std::optional<std::uint64_t> memory_figure(const std::filesystem::path& root,
                                                         std::string_view name);

// "980 MB", "5.3 GB".
[[nodiscard]] std::string size_text(std::uint64_t bytes);

}  // namespace corral::doctor
