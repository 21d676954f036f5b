#pragma once
// What pulls have left below `directory` of [pull], and the removal of it: files that a marker lists and left-over
// parts, nothing else, and nothing behind a symbolic link.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "corral/core/result.hpp"
#include "corral/pull/pulled_marker.hpp"

namespace corral::pull {

struct pulled_package {
    std::string folder;  // its name below the directory
    pulled_marker marker;
    std::uint64_t bytes = 0;  // that its files take on the disk
};

struct left_over {
    std::string folder;       // of the package that it would have been
    std::uint64_t bytes = 0;  // that it takes on the disk
    bool in_use = false;      // a pull goes on
};

struct pulled_things {
    std::vector<pulled_package> packages;  // by folder
    std::vector<left_over> parts;
};

// 10,000 folders at most. A directory that is not there has nothing.
[[nodiscard]] pulled_things look_at_pulled(const std::filesystem::path& directory);

// The name of the package's folder below `directory` that `package` is in; empty: it is elsewhere. Links are followed.
[[nodiscard]] std::string folder_below(const std::filesystem::path& directory,
                                       const std::filesystem::path& package);

struct removed {
    std::uint64_t bytes = 0;
    std::vector<std::string> kept;  // of the folder, for no pull brought them: 100 names at most
};

// Removes the files that the marker of `folder` lists, the marker, and the folders that are empty then. Fails with a
// sentence where there is no marker.
[[nodiscard]] core::result<removed> remove_pulled(const std::filesystem::path& directory,
                                                  const std::string& folder);
// Removes the parts of a pull that was never finished. Fails while a pull uses them.
[[nodiscard]] core::result<removed> remove_parts(const std::filesystem::path& directory,
                                                 const std::string& folder);

}  // namespace corral::pull
