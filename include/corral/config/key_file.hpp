#pragma once
// The file of API keys (docs/access.md, "API keys") and the keys themselves.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/config/key_ring.hpp"
#include "corral/core/result.hpp"

namespace corral::config {

struct key_file_reading {
    std::optional<key_ring> value;            // set exactly when `errors` is empty
    std::vector<catalog::diagnostic> errors;  // line 0: the file as a whole
    std::vector<core::reason> warnings;       // no client gets in; others may read it
};

// Blocks on the disk; at most 1 MiB.
[[nodiscard]] key_file_reading read_key_file(const std::filesystem::path& file);

// "sk-corral-" and 256 random bits of the system in base64url.
[[nodiscard]] core::result<std::string> make_key();

struct file_owner {
    uid_t user = 0;
    gid_t group = 0;
};

// Adds `key` under `name`; the file is made if it is not there (mode 0600). It changes as a whole or not at
// all, is on the disk when this returns, and keeps its comments, its owner and what its mode says of the
// owner and the group; a new one is given to `owner`, else this user. `today` and the key of its maker, if it was made by one, are kept in a comment.
[[nodiscard]] core::result<void> add_key(const std::filesystem::path& file, const std::string& name,
                                         std::string_view key, std::string_view today,
                                         const key_scopes& scopes = {}, std::string_view maker = {},
                                         const std::optional<file_owner>& owner = {});
// The names of the keys that were made by it; they stay.
[[nodiscard]] core::result<std::vector<std::string>> remove_key(const std::filesystem::path& file,
                                                                const std::string& name);

}  // namespace corral::config
