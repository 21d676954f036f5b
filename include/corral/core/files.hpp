#pragma once
// Files: small ones that are private, those that may change, and those that come with the program.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "corral/core/owned_fd.hpp"
#include "corral/core/result.hpp"

namespace corral::core {

// One whose owner and mode matter; it is read and replaced as a whole.
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

// Notices that files have changed, by what the file system tells of them.
class file_watch {
public:
    // What is there now counts as known. Links are followed.
    explicit file_watch(std::vector<std::filesystem::path> files);
    // True when one changed, its rights included, came or went since the last call; asks for a few facts, reads nothing.
    [[nodiscard]] bool changed();

private:
    struct facts {
        std::uint64_t device = 0;
        std::uint64_t inode = 0;
        std::int64_t size = -1;
        std::int64_t changed = 0;  // ns; by its bytes or its rights
        bool operator==(const facts&) const = default;
    };
    [[nodiscard]] static facts look(const std::filesystem::path& file);
    [[nodiscard]] std::vector<facts> look_at_all() const;

    std::vector<std::filesystem::path> files_;
    std::vector<facts> known_;
};

// The folders that may hold `kind` ("vendor", "catalogue", ...) of the files that come with the program, the likeliest
// first: beside it, then the system's usual places. None of them need be there.
[[nodiscard]] std::vector<std::filesystem::path> shipped_folders(std::string_view kind);

}  // namespace corral::core
