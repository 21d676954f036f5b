#pragma once
// What pulls have left below `directory` of [pull], and the removal of it: files that a marker lists and left-over
// parts, nothing else, and nothing behind a symbolic link.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "corral/core/owned_fd.hpp"
#include "corral/core/result.hpp"
#include "corral/pull/pulled_marker.hpp"

namespace corral::pull {

struct pulled_package {
    std::string folder;  // its name below the directory
    pulled_marker marker;
    std::uint64_t bytes = 0;  // that its files take on the disk
    bool in_use = false;      // a pull of it goes on, or makes a model of it
};

struct left_over {
    std::string folder;       // of the package that it would have been
    std::uint64_t bytes = 0;  // that it takes on the disk
    bool in_use = false;      // a pull goes on
};

struct pulled_things {
    std::vector<pulled_package> packages;  // by folder
    std::vector<left_over> parts;
    core::reason problem;  // why the directory can't be read; empty: it was, or is not there
};

// 10,000 folders at most. A directory that is not there has nothing.
[[nodiscard]] pulled_things look_at_pulled(const std::filesystem::path& directory);

// The name of the package's folder below `directory` that `package` is in; empty: it is elsewhere. Links are followed.
[[nodiscard]] std::string folder_below(const std::filesystem::path& directory,
                                       const std::filesystem::path& package);

// While it lives no pull works at that package, and none begins.
class package_lock {
public:
    // Fails with a sentence while a pull goes on.
    [[nodiscard]] static core::result<package_lock> take(const std::filesystem::path& directory,
                                                         const std::string& folder);
    package_lock(package_lock&&) noexcept = default;
    package_lock& operator=(package_lock&&) = delete;
    ~package_lock();

    [[nodiscard]] const std::filesystem::path& directory() const noexcept { return directory_; }
    [[nodiscard]] const std::string& folder() const noexcept { return folder_; }

private:
    package_lock(std::filesystem::path directory, std::string folder, core::owned_fd parts,
                 core::owned_fd own, core::owned_fd lock);

    std::filesystem::path directory_;
    std::string folder_;
    core::owned_fd parts_;  // of all pulls
    core::owned_fd own_;    // in it, of this package
    core::owned_fd lock_;
};

struct removed {
    std::uint64_t bytes = 0;
    std::vector<std::string> kept;  // of the folder, for no pull brought them: 100 names at most
};

// Removes the files that the marker of the package lists, the marker, and the folders that are empty then. Fails with a
// sentence where there is no marker.
[[nodiscard]] core::result<removed> remove_pulled(const package_lock& held);
// Removes the parts of a pull that was never finished. Fails while a pull uses them.
[[nodiscard]] core::result<removed> remove_parts(const std::filesystem::path& directory,
                                                 const std::string& folder);

}  // namespace corral::pull
