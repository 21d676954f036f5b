#pragma once
// What a hub in the style of Hugging Face says of a repository (docs/facts/other_wires.md). Foreign texts, read strictly.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/core/result.hpp"

namespace corral::pull {

// A file as its source lists it.
struct source_file {
    std::string path;                   // as it was said: nothing about it was checked
    std::optional<std::uint64_t> size;  // nothing: the source did not say
    std::string sha256;                 // 64 lower-case hex digits; empty: not said
    std::string git_blob;               // 40 of them: of git's own id of a small file
    bool operator==(const source_file&) const = default;
};

// The commit of a revision: 40 or 64 lower-case hex digits.
[[nodiscard]] core::result<std::string> parse_commit(std::string_view json);

// One page of the list of files; folders are left out.
[[nodiscard]] core::result<std::vector<source_file>> parse_tree_page(std::string_view json);

// The address of the next page in a Link field (RFC 8288, rel="next"); empty: this is the last.
[[nodiscard]] std::string next_page(std::string_view link);

// As it stands in a path of a URL: every sign but letters, digits, "-._~/" as %XX.
[[nodiscard]] std::string url_path(std::string_view text);

}  // namespace corral::pull
