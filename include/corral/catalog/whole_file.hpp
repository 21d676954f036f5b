#pragma once
// A file that is there whole, in its old or its new form, whenever the power goes.

#include <filesystem>
#include <string_view>

#include "corral/core/result.hpp"

namespace corral::catalog {

// What a write under way is called; a file of that ending is left over from a crash.
inline constexpr std::string_view unfinished_ending = ".tmp";

// Blocking. The file has mode 0600; it and its folder's entry are synced when this returns.
[[nodiscard]] core::result<void> write_whole_file(const std::filesystem::path& path, std::string_view text);

// Blocking. ENOENT when there is none.
[[nodiscard]] core::result<void> remove_file(const std::filesystem::path& path);

}  // namespace corral::catalog
