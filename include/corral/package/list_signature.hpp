#pragma once
// The detached signature of a list of checksums: of OpenPGP (SHA256SUMS.asc, .sig or .gpg) by gpgv, of minisign
// (SHA256SUMS.minisig) by minisign. Only keys of one folder count: keyrings NAME.gpg, and minisign's keys NAME.pub.

#include <filesystem>
#include <string>

#include "corral/package/package_tree.hpp"

namespace corral::package {

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
