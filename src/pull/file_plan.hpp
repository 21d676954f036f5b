#pragma once
// Which of a source's files are fetched, and whether they may be: decided before the first byte.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/core/result.hpp"
#include "corral/pull/package_source.hpp"
#include "pull/hub_tree.hpp"

namespace corral::pull {

struct plan_limits {
    std::size_t files = 10'000;
    std::uint64_t bytes = 4'000'000'000'000;  // of all together
    int depth = 8;                            // folders, as import goes (package_tree.hpp)
};

struct file_plan {
    std::vector<source_file> files;  // sorted by path; every path tidy, none twice, each with a checksum
    std::uint64_t bytes = 0;         // of those whose size is known
    bool complete = true;            // every size is known
};

// Fails with a sentence that names the file.
[[nodiscard]] core::result<file_plan> plan_files(const package_source& source,
                                                 std::vector<source_file> listed,
                                                 const plan_limits& limits = {});

// With '*' for any signs, '/' too, and '?' for one.
[[nodiscard]] bool fits_pattern(std::string_view pattern, std::string_view path);

// What the plan as a whole is known by: SHA-256 of its lines "CHECKSUM  PATH".
[[nodiscard]] std::string plan_digest(const file_plan& plan);

}  // namespace corral::pull
