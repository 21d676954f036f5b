#pragma once
// What was known of a package's files when it was imported with a list of checksums: a file beside the manifest,
// "qwen3-4b.sums" beside "qwen3-4b.toml". A start compares sizes, times and inodes; `corral check` the content.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/catalog/diagnostic.hpp"
#include "corral/catalog/profile.hpp"
#include "corral/core/result.hpp"
#include "corral/package/checksum_list.hpp"
#include "corral/package/package_tree.hpp"

namespace corral::package {

inline constexpr int seal_format = 1;

struct sealed_file : listed_file {
    std::uint64_t size = 0;
    std::int64_t changed = 0;  // nanoseconds since 1970
    std::uint64_t inode = 0;   // 0: not known, nor when it was changed
};

struct package_seal {
    std::filesystem::path package;
    bool strict = false;  // a file that differs, or is in no line, keeps the model from starting
    std::vector<sealed_file> files;
};

// Of the manifest "NAME.toml".
[[nodiscard]] std::filesystem::path seal_of(const std::filesystem::path& manifest);

// As the files are now; those that are not there are left out.
[[nodiscard]] package_seal seal_package(const package_tree& tree, const std::vector<listed_file>& list,
                                        bool strict);

// For the same files copied to `package` of another machine, where times and inodes are others.
[[nodiscard]] package_seal moved_seal(package_seal seal, std::filesystem::path package);

[[nodiscard]] std::string text_of(const package_seal& seal);
// Fails on anything else than text_of() gave; with errc::refused on a newer format.
[[nodiscard]] core::result<package_seal> parse_seal(std::string_view text);

// The seal of the model's manifest, where there is one of this package; nothing where there is none. Fails with a
// sentence where it can't be read.
[[nodiscard]] core::result<std::optional<package_seal>> find_seal(const catalog::model_entry& model);

// What differs by size, time or inode from the seal of the model, if it has one, and what was added under a strict one:
// at most two findings. Blocks on the disk for a look at each file.
[[nodiscard]] std::vector<catalog::finding> check_seal(const catalog::model_entry& model);

}  // namespace corral::package
