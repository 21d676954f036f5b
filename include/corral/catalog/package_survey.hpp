#pragma once
// What a model's package folder holds, by names and sizes only: a 5 GB package is looked at in milliseconds.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

#include "corral/core/result.hpp"

namespace corral::catalog {

struct package_survey {
    std::uint64_t size_bytes =
        0;  // of all regular files (links followed); hidden files and __pycache__ don't count
    std::chrono::system_clock::time_point modified;  // of the newest file
    std::string listing;  // "name size" lines, sorted; the part of the digest that is the package's
    // The tokenizer script that appends /no_think (docs/facts/vendor_ax.md#tokenizer-semantics); "" when none
    // does.
    std::string no_think_script;
};

// Reads only, at most 20,000 entries, 8 folders deep, and 1 MiB of each tokenizer script. Fails with the
// operating system's code when the folder can't be read, with errc::limit_exceeded beyond the bounds.
[[nodiscard]] core::result<package_survey> survey_package(const std::filesystem::path& package);

// SHA-256 of `text`, 64 lower-case hex digits.
[[nodiscard]] core::result<std::string> sha256_hex(std::string_view text);

}  // namespace corral::catalog
