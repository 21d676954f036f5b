#include "local_users.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "corral/process/connection_owner.hpp"

namespace corral::daemon {

namespace {

constexpr core::seconds longest_look{5};

// By the system's lists of users, which may be on the network. One thread at a time.
bool is_member(uid_t user, const std::string& group) {
    const ::group* const wanted = ::getgrnam(group.c_str());
    if (wanted == nullptr) {
        return false;
    }
    const gid_t id = wanted->gr_gid;
    const passwd* const who = ::getpwuid(user);
    if (who == nullptr) {
        return false;
    }
    const std::string name = who->pw_name;
    const gid_t own = who->pw_gid;
    constexpr int usual = 64;
    std::vector<gid_t> all(usual);
    int count = usual;
    if (::getgrouplist(name.c_str(), own, all.data(), &count) < 0) {
        all.resize(static_cast<std::size_t>(std::clamp(count, usual, 1 << 16)));
        count = static_cast<int>(all.size());
        if (::getgrouplist(name.c_str(), own, all.data(), &count) < 0) {
            return false;
        }
    }
    all.resize(static_cast<std::size_t>(count));
    return std::ranges::find(all, id) != all.end();
}

}  // namespace

core::awaitable<std::optional<api::local_user>> local_users::at(int socket, std::string group) {
    const auto self = shared_from_this();
    const auto ends = process::ends_of(socket);
    if (!ends) {
        co_return std::nullopt;
    }
    const core::deadline until = core::deadline::after(longest_look, clock_.now());
    std::function<std::optional<uid_t>()> look = [of = *ends] { return process::user_at(of); };
    auto looking = worker_.run("peers", std::move(look), until);
    const core::result<std::optional<uid_t>> user = co_await std::move(looking);
    if (!user || !*user || process::ends_of(socket) != ends) {
        co_return std::nullopt;
    }
    api::local_user out{**user, **user == 0 || **user == ::geteuid()};
    if (!out.operates && !group.empty()) {
        std::function<bool()> ask = [who = **user, group] { return is_member(who, group); };
        auto asking = worker_.run("groups", std::move(ask), until);
        const core::result<bool> member = co_await std::move(asking);
        out.operates = member && *member;
    }
    co_return out;
}

}  // namespace corral::daemon
