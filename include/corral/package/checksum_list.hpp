#pragma once
// A list of checksums as sha256sum(1) writes it: 64 hex digits, a space, ' ' or '*', and the name of a file.

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "corral/core/result.hpp"

namespace corral::package {

inline constexpr std::string_view checksum_list_name = "SHA256SUMS";
inline constexpr std::size_t longest_checksum_list = std::size_t{8} * 1024 * 1024;
// Of the files with its signatures, behind its name.
inline constexpr std::array<std::string_view, 4> signature_endings{".asc", ".sig", ".gpg", ".minisig"};
// Corral's own record of a pull, in the package's folder.
inline constexpr std::string_view pull_record_name = ".corral-pull.json";

struct listed_file {
    std::string path;    // tidy (package_tree.hpp): inside the package, in one form
    std::string sha256;  // 64 lower-case hex digits
    friend bool operator==(const listed_file&, const listed_file&) = default;
};

// In the order of the list. Empty lines, lines that begin with '#' and one for the list itself don't count. Fails
// (errc::invalid) with the number of the line on anything else: a name that is absolute, has ".." or control characters,
// or stands there twice; a line in sha256sum's escaped form, which is for names with a line break; more than 20,000
// files; a list without a file or longer than longest_checksum_list.
[[nodiscard]] core::result<std::vector<listed_file>> parse_checksum_list(std::string_view text);

}  // namespace corral::package
