#pragma once
// What `corral import` says of a package, for people: how its files stand, what is wrong, and what to run.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "cli/base/terminal.hpp"
#include "cli/packages/import_plan.hpp"

namespace corral::cli {

// "36 layer files: 33 whole, 2 LFS pointers (3, 17), 1 cut (20); 36 of 108 MB", a line for each group of files.
// `all`: every number, not only the first ones.
[[nodiscard]] std::string group_lines(const std::vector<package::file_group>& groups, bool all);

// The findings, worst first; with `all` every file that one is about.
[[nodiscard]] std::string finding_lines(const import_plan& plan, bool all, const text_style& style);

// The commands of the fixes, each once, in the order in which they are to be run; with sudo where `may_write` says
// that the person may not write there.
[[nodiscard]] std::vector<std::string> commands_of(
    const import_plan& plan, const std::function<bool(const std::filesystem::path&)>& may_write);

// The commands that fetch what `typed` names at a hub ("ORG/NAME", or the address of its page) or in the catalogue
// ("NAME:TAG"), and import it; empty: that is no such name.
[[nodiscard]] std::vector<std::string> hub_commands(const std::string& typed);

}  // namespace corral::cli
