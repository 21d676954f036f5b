#pragma once
// A package against its list of checksums, SHA256SUMS in its folder, and the list against its signature.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "corral/core/result.hpp"
#include "corral/package/checksum_list.hpp"
#include "corral/package/package_tree.hpp"

namespace corral::package {

// The text of the list; nothing where there is none. Fails where it can't be read, or is longer than a list may be.
[[nodiscard]] core::result<std::optional<std::string>> read_checksum_list(const package_tree& tree);

struct checksum_report {
    std::vector<std::string> changed;   // has another sum than the list says
    std::vector<std::string> pointers;  // of git-LFS, in the place of such a file
    std::vector<std::string> missing;   // or is no file that may be read
    std::vector<std::string> unlisted;  // lies in the folder, and the list does not name it
    bool whole = true;                  // false: `go_on` ended it
};

// Which files of a folder need no line in its list.
enum class unlisted_rule {
    usual,  // the list and what is named like it, hidden files, __pycache__, Python environments
    // The list, its signatures and the record of a pull, for a signature vouches for all that a program may read. A
    // link to a folder and what is beyond the bounds of a tree count too.
    strict,
};

// What lies in the folder and `paths` does not name. Blocks on the disk.
[[nodiscard]] std::vector<std::string> unlisted_files(const package_tree& tree,
                                                      const std::set<std::string, std::less<>>& paths,
                                                      unlisted_rule rule);

// `go_on` hears how many of all bytes are read, some times a second at most; false ends it. Blocks on the disk for as
// long as that many bytes take.
[[nodiscard]] checksum_report check_checksums(
    const package_tree& tree, const std::vector<listed_file>& list, unlisted_rule rule,
    const std::function<bool(std::uint64_t done, std::uint64_t all)>& go_on);

// Up to three of them, in quotes: "'a', 'b', 'c' and 4 more".
[[nodiscard]] std::string named_files(const std::vector<std::string>& paths);

// The detached signature of a list of checksums: of OpenPGP (SHA256SUMS.asc, .sig or .gpg) by gpgv, of minisign
// (SHA256SUMS.minisig) by minisign. Only keys of one folder count: keyrings NAME.gpg, and minisign's keys NAME.pub.
enum class signature_state {
    none,       // there is no signature
    good,       //
    refused,    // it is not that of the list, or of no key of the folder
    unchecked,  // there is no key to check it with, or the program is not installed
};

struct signature_verdict {
    signature_state state = signature_state::none;
    std::string file;  // of the signature, "SHA256SUMS.asc"
    std::string why;   // a part of a sentence: who signed, or why it is refused or not checked
};

// One good signature is enough, and one bad refuses. Runs the programs; nothing of the package is run. Blocks, each
// program for 30 s at most.
[[nodiscard]] signature_verdict check_list_signature(const package_tree& tree,
                                                     const std::filesystem::path& trusted);

}  // namespace corral::package
