#pragma once
// The user who will serve a model, and what of its package that user can't read. For root, who can read all of it.

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include <sys/types.h>

#include "cli/base/daemon_place.hpp"
#include "corral/catalog/diagnostic.hpp"
#include "corral/config/configuration_place.hpp"

namespace corral::cli {

struct serving_user {
    uid_t id = 0;
    gid_t group = 0;
    std::string name;
};

// Of the running Corral with that configuration, else of the unit that comes with Corral. Nothing where that is this
// user, or where this one is not root and can't try it.
[[nodiscard]] std::optional<serving_user> find_serving_user(
    const daemon_place& place, const config::configuration_place& files,
    const std::map<std::string, std::string>& environment);

// Whose `folder` is, where that is the user who serves, or that of the unit whoever says to serve. For root, whom links
// there could lead elsewhere; else nothing.
[[nodiscard]] std::optional<serving_user> serving_owner(
    const std::filesystem::path& folder, const daemon_place& place, const config::configuration_place& files,
    const std::map<std::string, std::string>& environment);

// For good, from root. False: this process may not, or only half of it; it has to end.
[[nodiscard]] bool become(const serving_user& user);

// This user, where it is not root: the daemon's own, for an import from the page.
[[nodiscard]] std::optional<serving_user> importing_user();

// The first of the file itself and the folders that lead to it that `user` can't read.
[[nodiscard]] std::optional<std::filesystem::path> closed_file(const serving_user& user,
                                                               const std::filesystem::path& file);

// The first folder or file of `package` that `user` can't read, and the command that repairs it.
[[nodiscard]] std::optional<catalog::finding> closed_to(const serving_user& user,
                                                        const std::filesystem::path& package);

}  // namespace corral::cli
