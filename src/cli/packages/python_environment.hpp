#pragma once
// A Python environment for a package's script: made with venv, filled by pip.

#include <filesystem>
#include <string>
#include <string_view>

#include "corral/core/result.hpp"
#include "corral/package/package_check.hpp"

namespace corral::cli {

// Where it is made: for the box where `own` is part of the system's configuration, else in `own`.
// REQUIRES: `own` is absolute, and not the root.
[[nodiscard]] std::filesystem::path environment_folder(const std::filesystem::path& own);

// Does what `wanted` says; the Python to use then. Blocks for minutes: pip fetches from the network, or from where
// PIP_INDEX_URL, PIP_NO_INDEX and PIP_FIND_LINKS say.
[[nodiscard]] core::result<std::string> install_modules(const package::repair& wanted,
                                                        const std::filesystem::path& folder);

// Of what venv or pip printed: the line that says why it failed.
[[nodiscard]] std::string telling_line(std::string_view output);
// Nothing could be fetched, as on a box without a way to the network.
[[nodiscard]] bool is_offline(std::string_view output);

}  // namespace corral::cli
