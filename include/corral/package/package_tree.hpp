#pragma once
// A folder that somebody else filled, looked at without trusting it. Nothing is read that does not really lie
// inside, nothing but plain files is ever opened, and everything has a bound.
//
// A link may lead to anything inside the folder. From a hub's snapshot (REPOSITORY/snapshots/REVISION, or a
// folder below it) it may also lead to a file of the same repository's blobs folder, for there a hub keeps
// the files and fills the snapshot with links. Every other link is refused, wherever it is on the way.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "corral/catalog/diagnostic.hpp"
#include "corral/core/result.hpp"
#include "corral/core/text.hpp"

namespace corral::package {

struct tree_limits {
    std::size_t entries = 20'000;
    int depth = 8;            // folders below the package
    bool enters_all = false;  // also .git, __pycache__ and Python environments
};

enum class node_kind {
    missing,
    file,
    folder,
    special,      // FIFO, socket, device: never opened
    outside,      // the way leads out of the package
    broken_link,  // leads nowhere, or in a circle
    closed,       // a folder on the way may not be entered
    refused,      // a name that is none: absolute, with "..", too long, control characters
};

// One name as it is now, links followed as far as they may be.
struct node {
    std::string path;  // relative, '/' between, without "."
    node_kind kind = node_kind::missing;
    bool link = false;      // itself a link
    bool readable = false;  // by this process
    bool executable = false;
    std::uint64_t size = 0;       // bytes
    std::uint64_t allocated = 0;  // bytes on the disk
    std::string why;              // of outside, broken_link, closed, refused: a part of a sentence
};

// A name that a file of a package, or a person, wrote: without "." and doubled '/'. Fails (errc::refused)
// with a reason on an absolute name, one with "..", control characters, parts above 255 bytes or more than
// 4095 in all.
[[nodiscard]] core::result<std::string> tidy_name(std::string_view name);

// Names of numbered files have one %d, as the runtimes give it to sprintf
// (docs/facts/vendor_ax.md#command-line).
// Why `pattern` is none, "has no %d for the number"; "" when it is one. Any other '%' is refused: in the
// runtime's hands it would read memory.
[[nodiscard]] std::string number_pattern_problem(std::string_view pattern);

// REQUIRES: a pattern.
[[nodiscard]] std::string expand_number(std::string_view pattern, std::uint64_t number);

// For people and on one line: control characters and bytes that are not UTF-8 as \x1B, long texts shortened
// in the middle.
[[nodiscard]] std::string shown(std::string_view text, std::size_t most = 160);

using core::shell_word;

// Copies share the folder's descriptor. Blocks on the disk.
class package_tree {
public:
    // The folder itself may be reached over links. Fails with its errno (ENOENT, ENOTDIR, EACCES).
    [[nodiscard]] static core::result<package_tree> open(const std::filesystem::path& folder,
                                                         tree_limits limits = {});

    [[nodiscard]] const std::filesystem::path& folder() const noexcept;

    // All that is inside, sorted by path; folders that are links are not entered. Of .git, __pycache__ and
    // Python environments only the folder itself, unless the limits say otherwise. Walked through once, when first
    // asked for.
    [[nodiscard]] const std::vector<node>& entries() const;
    // What is wrong with the tree as such ("tree.link-outside", "tree.too-many" ...), warnings; by walking.
    [[nodiscard]] const std::vector<catalog::finding>& findings() const;

    [[nodiscard]] node look(std::string_view path) const;
    // At most `most` bytes from `offset`. Fails when it is no file that may be read, with a sentence.
    [[nodiscard]] core::result<std::string> read(std::string_view path, std::size_t most,
                                                 std::uint64_t offset = 0) const;
    // The last byte was never written: the disk has nothing there (SEEK_DATA).
    [[nodiscard]] bool ends_in_hole(std::string_view path) const;

private:
    struct state;
    explicit package_tree(std::shared_ptr<state> of) : state_(std::move(of)) {}
    std::shared_ptr<state> state_;
};

}  // namespace corral::package
