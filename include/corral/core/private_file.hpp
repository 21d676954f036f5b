#pragma once
// Small files and folders whose owner and mode matter; files are read and replaced as a whole.

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include <sys/types.h>

#include "corral/core/owned_fd.hpp"
#include "corral/core/result.hpp"

namespace corral::core {

struct private_file {
    std::string text;
    mode_t mode = 0600;
    uid_t owner = 0;
    gid_t group = 0;
};

constexpr std::size_t usual_private_file = std::size_t{1024} * 1024;
// Fails for what is not a regular file and beyond `most` bytes. A file that is not there is ENOENT.
[[nodiscard]] result<private_file> read_private_file(const std::filesystem::path& file,
                                                     std::size_t most = usual_private_file);

// A new file in the place of the old: written aside, synced, renamed, and the folder synced.
[[nodiscard]] result<void> replace_private_file(const std::filesystem::path& file, const private_file& with);

// With the folders above it; open to its owner alone where it was not there. Fails with a sentence.
[[nodiscard]] result<void> make_private_folder(const std::filesystem::path& folder);

// The right to change files of a folder, against others who ask for it too; ends with its life.
class folder_lock {
public:
    // Fails at once when somebody else holds it.
    [[nodiscard]] static result<folder_lock> take(const std::filesystem::path& folder);

private:
    explicit folder_lock(owned_fd handle) : handle_(std::move(handle)) {}
    owned_fd handle_;
};

}  // namespace corral::core
