#include "cli/packages/serving_user.hpp"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <vector>

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/base/reported_fields.hpp"
#include "corral/control/admin_client.hpp"
#include "corral/core/say.hpp"
#include "corral/package/package_tree.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

namespace fs = std::filesystem;

constexpr core::seconds status_limit{3};
constexpr const char* user_of_the_unit = "corral";

struct wanted_path {
    fs::path path;
    int access = R_OK;
    bool inside = true;  // of the package
};

// The folders that lead to `path`, the outermost first.
std::vector<wanted_path> paths_above(const fs::path& path) {
    std::vector<wanted_path> out;
    for (fs::path above = path.parent_path(); above.has_relative_path(); above = above.parent_path()) {
        out.insert(out.begin(), {above, X_OK, false});
    }
    return out;
}

std::vector<wanted_path> paths_of(const fs::path& package) {
    constexpr std::size_t most = 20'000;
    std::vector<wanted_path> out = paths_above(package);
    out.push_back({package, R_OK | X_OK, true});
    std::error_code unreadable;  // what root can't read is reported elsewhere
    for (fs::recursive_directory_iterator one(package, unreadable), end;
         !unreadable && one != end && out.size() < most; one.increment(unreadable)) {
        std::error_code gone;
        const fs::file_status is = one->status(gone);
        if (fs::is_directory(is)) {
            out.push_back({one->path(), R_OK | X_OK, true});
        } else if (fs::is_regular_file(is)) {
            out.push_back({one->path(), R_OK, true});
        }
    }
    return out;
}

std::vector<gid_t> groups_of(const serving_user& user) {
    constexpr int most = 256;
    std::vector<gid_t> out(most);
    int count = most;
    if (user.name.empty() || ::getgrouplist(user.name.c_str(), user.group, out.data(), &count) < 0) {
        return {user.group};
    }
    out.resize(static_cast<std::size_t>(count));
    return out;
}

// Only calls of the system: in a child too.
bool become_one_of(const std::vector<gid_t>& groups, const serving_user& user) {
    return ::setgroups(groups.size(), groups.data()) == 0 &&
           ::setresgid(user.group, user.group, user.group) == 0 &&
           ::setresuid(user.id, user.id, user.id) == 0;
}

// A child that becomes that user and tries: modes alone do not tell what lists of access and mounts forbid.
std::optional<std::size_t> first_closed(const serving_user& user, const std::vector<wanted_path>& all) {
    const std::vector<gid_t> groups = groups_of(user);
    int ends[2] = {-1, -1};
    if (::pipe(ends) != 0) {
        return std::nullopt;
    }
    const pid_t child = ::fork();
    if (child == 0) {
        // Only calls of the system from here on.
        std::size_t at = all.size();
        if (user.id == ::geteuid() || become_one_of(groups, user)) {
            for (at = 0; at < all.size(); ++at) {
                if (::access(all[at].path.c_str(), all[at].access) != 0 && errno == EACCES) {
                    break;
                }
            }
        }
        const ssize_t sent = ::write(ends[1], &at, sizeof at);
        ::_exit(sent == static_cast<ssize_t>(sizeof at) ? 0 : 1);
    }
    ::close(ends[1]);
    std::size_t at = all.size();
    if (child < 0 || ::read(ends[0], &at, sizeof at) != static_cast<ssize_t>(sizeof at)) {
        at = all.size();
    }
    ::close(ends[0]);
    if (child > 0) {
        (void)::waitpid(child, nullptr, 0);
    }
    return at < all.size() ? std::optional(at) : std::nullopt;
}

}  // namespace

std::optional<serving_user> find_serving_user(const daemon_place& place,
                                              const config::configuration_place& files,
                                              const std::map<std::string, std::string>& environment) {
    if (::geteuid() != 0) {
        return std::nullopt;
    }
    const passwd* who = nullptr;
    const auto status = control::ask_daemon(sockets_of(place, environment), {}, status_limit);
    if (status && is_about(*status, files.file)) {
        struct stat process {};
        const std::string path =
            "/proc/" + std::to_string(static_cast<long>(reported_amount(*status, "pid")));
        who = ::stat(path.c_str(), &process) == 0 ? ::getpwuid(process.st_uid) : nullptr;
    } else if (files.file.parent_path() == "/etc/corral") {
        who = ::getpwnam(user_of_the_unit);
    }
    if (who == nullptr || who->pw_uid == 0) {
        return std::nullopt;
    }
    return serving_user{who->pw_uid, who->pw_gid, who->pw_name};
}

std::optional<serving_user> serving_owner(const fs::path& folder, const daemon_place& place,
                                          const config::configuration_place& files,
                                          const std::map<std::string, std::string>& environment) {
    struct stat facts {};
    const bool there = ::geteuid() == 0 && ::stat(folder.c_str(), &facts) == 0 && facts.st_uid != 0;
    const passwd* const found = there ? ::getpwuid(facts.st_uid) : nullptr;
    if (found == nullptr) {
        return std::nullopt;
    }
    const serving_user owner{found->pw_uid, found->pw_gid, found->pw_name};
    if (owner.name == user_of_the_unit) {
        return owner;
    }
    const auto serving = find_serving_user(place, files, environment);
    return serving && serving->id == owner.id ? serving : std::nullopt;
}

bool become(const serving_user& user) {
    return become_one_of(groups_of(user), user);
}

std::optional<serving_user> importing_user() {
    const passwd* const who = ::getpwuid(::geteuid());
    return ::geteuid() == 0 || who == nullptr
               ? std::nullopt
               : std::optional(serving_user{who->pw_uid, ::getegid(), who->pw_name});
}

std::optional<fs::path> closed_file(const serving_user& user, const fs::path& file) {
    std::error_code unreadable;
    const fs::path followed = fs::canonical(file, unreadable);
    if (unreadable) {
        return std::nullopt;  // what is not there has a finding of its own
    }
    std::vector<wanted_path> all = paths_above(fs::absolute(file, unreadable));
    std::ranges::move(paths_above(followed), std::back_inserter(all));
    all.push_back({followed, fs::is_directory(followed, unreadable) ? R_OK | X_OK : R_OK, true});
    const auto closed = first_closed(user, all);
    return closed ? std::optional(all[*closed].path) : std::nullopt;
}

std::optional<catalog::finding> closed_to(const serving_user& user, const fs::path& package) {
    std::error_code unreadable;
    const fs::file_type type = fs::status(package, unreadable).type();
    if (type == fs::file_type::not_found || (!unreadable && type != fs::file_type::directory)) {
        return std::nullopt;  // these have findings of their own
    }
    // A command that changes modes or places does nothing for what a link leads to.
    const fs::path followed = fs::canonical(package, unreadable);
    const fs::path real = unreadable ? package : followed;
    std::vector<wanted_path> all = paths_above(package);
    std::ranges::move(paths_of(real), std::back_inserter(all));
    const auto closed = first_closed(user, all);
    if (!closed) {
        return std::nullopt;
    }
    const std::string folder = package::shell_word(real.string());
    const std::string path = telemetry::printable(all[*closed].path.string(), 400);
    const bool root = ::geteuid() == 0;
    return catalog::finding_of(catalog::severity::error,
                               root ? core::say("package.closed/serves", path, user.name)
                                    : core::say("package.closed/user", path, user.name),
                               {},
                               root ? std::optional(core::say("package.closed/root").text()) : std::nullopt,
                               all[*closed].inside ? core::say("package.closed/open", folder)
                                                   : core::say("package.closed/move", folder));
}

}  // namespace corral::cli
