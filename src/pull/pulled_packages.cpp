#include "corral/pull/pulled_packages.hpp"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "corral/core/owned_fd.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"

namespace corral::pull {

namespace {

namespace fs = std::filesystem;
using core::owned_fd;

constexpr std::size_t most_folders = 10'000;
constexpr std::size_t most_kept = 100;
constexpr std::size_t most_marker = 8UL * 1024 * 1024;
constexpr unsigned deepest = 16;
constexpr const char* lock_name = "lock";

// A folder's own name, and none that leads anywhere else.
bool is_plain(std::string_view name) {
    return is_inner_path(name) && name.find('/') == std::string_view::npos;
}

owned_fd open_folder(int at, const char* name) {
    return owned_fd(::openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

// The directory itself may be a link of its operator's.
owned_fd open_directory(const fs::path& directory) {
    return owned_fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

std::vector<std::string> names_in(int folder) {
    std::vector<std::string> out;
    owned_fd again(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!again.valid()) {
        return out;
    }
    const std::unique_ptr<DIR, int (*)(DIR*)> list(::fdopendir(again.get()), ::closedir);
    if (list == nullptr) {
        return out;
    }
    static_cast<void>(again.release());  // the list's
    while (const dirent* one = ::readdir(list.get())) {
        const std::string_view name = one->d_name;
        if (name != "." && name != ".." && out.size() < most_folders) {
            out.emplace_back(name);
        }
    }
    std::ranges::sort(out);
    return out;
}

struct stat facts_of(int at, const char* name) {
    struct stat out {};
    if (::fstatat(at, name, &out, AT_SYMLINK_NOFOLLOW) != 0) {
        out = {};
    }
    return out;
}

std::uint64_t size_on_disk(const struct stat& of) {
    constexpr std::uint64_t block = 512;
    return static_cast<std::uint64_t>(of.st_blocks) * block;
}

std::optional<pulled_marker> marker_of(int folder) {
    const owned_fd file(::openat(folder, marker_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat facts {};
    if (!file.valid() || ::fstat(file.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) {
        return std::nullopt;
    }
    const auto text = core::read_all(file.get(), most_marker);
    return text ? parse_marker(*text) : std::nullopt;
}

// The folder of `path` below `from`, each part opened by itself; its last part is left in `name`.
owned_fd open_parent(int from, std::string_view path, std::string& name) {
    owned_fd at(::openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const auto parts = core::split(path, '/');
    for (std::size_t i = 0; at.valid() && i + 1 < parts.size(); ++i) {
        at = open_folder(at.get(), std::string(parts[i]).c_str());
    }
    name = std::string(parts.back());
    return at;
}

std::uint64_t bytes_of_files(int folder, const pulled_marker& marker) {
    std::uint64_t out = 0;
    for (const expected_file& one : marker.files) {
        std::string name;
        const owned_fd at = open_parent(folder, one.path, name);
        if (at.valid()) {
            out += size_on_disk(facts_of(at.get(), name.c_str()));
        }
    }
    return out;
}

// All of it, or (`only_empty`) the folders without files.
void remove_entry(int folder, const std::string& name, bool only_empty, unsigned depth, removed& report) {
    const struct stat facts = facts_of(folder, name.c_str());
    if (!S_ISDIR(facts.st_mode)) {
        if (!only_empty && ::unlinkat(folder, name.c_str(), 0) == 0) {
            report.bytes += size_on_disk(facts);
        }
        return;
    }
    const owned_fd inner = depth < deepest ? open_folder(folder, name.c_str()) : owned_fd();
    for (const std::string& one : inner.valid() ? names_in(inner.get()) : std::vector<std::string>()) {
        remove_entry(inner.get(), one, only_empty, depth + 1, report);
    }
    static_cast<void>(::unlinkat(folder, name.c_str(), AT_REMOVEDIR));  // one that is not empty stays
}

std::uint64_t bytes_below(int folder, unsigned depth) {
    std::uint64_t out = 0;
    for (const std::string& name : names_in(folder)) {
        const struct stat facts = facts_of(folder, name.c_str());
        out += size_on_disk(facts);
        const owned_fd inner =
            S_ISDIR(facts.st_mode) && depth < deepest ? open_folder(folder, name.c_str()) : owned_fd();
        out += inner.valid() ? bytes_below(inner.get(), depth + 1) : 0;
    }
    return out;
}

core::failure not_removed(const fs::path& what, const core::reason& why) {
    return core::make_failure(core::errc::refused,
                              core::say("remove.files-stay/remove-what-why", what.string(), why));
}

// Whoever pulls holds it. Changes nothing.
bool is_locked(int folder) {
    const owned_fd lock(::openat(folder, lock_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    return lock.valid() && ::flock(lock.get(), LOCK_SH | LOCK_NB) != 0;
}

// Invalid while another process holds it, or took it away meanwhile.
owned_fd take_lock(int folder) {
    constexpr mode_t mode = 0644;
    owned_fd lock(::openat(folder, lock_name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, mode));
    struct stat held {};
    if (!lock.valid() || ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0 || ::fstat(lock.get(), &held) != 0) {
        return {};
    }
    const struct stat named = facts_of(folder, lock_name);
    return named.st_ino == held.st_ino && named.st_dev == held.st_dev ? std::move(lock) : owned_fd();
}

owned_fd make_folder(int at, const char* name) {
    constexpr mode_t mode = 0755;
    static_cast<void>(::mkdirat(at, name, mode));  // a failure shows at the opening
    return open_folder(at, name);
}

}  // namespace

pulled_things look_at_pulled(const fs::path& directory) {
    pulled_things out;
    const owned_fd all = open_directory(directory);
    if (!all.valid()) {
        const int why = errno;
        if (why != ENOENT) {
            out.problem = core::say("package.folder/open", directory.string(),
                                    boost::system::system_category().message(why));
        }
        return out;
    }
    const owned_fd parts = open_folder(all.get(), parts_folder);
    for (const std::string& name : names_in(all.get())) {
        const owned_fd folder = open_folder(all.get(), name.c_str());
        auto marker = folder.valid() ? marker_of(folder.get()) : std::nullopt;
        if (marker) {
            const std::uint64_t bytes = bytes_of_files(folder.get(), *marker);
            const owned_fd work = parts.valid() ? open_folder(parts.get(), name.c_str()) : owned_fd();
            out.packages.push_back({name, *std::move(marker), bytes, work.valid() && is_locked(work.get())});
        }
    }
    for (const std::string& name : parts.valid() ? names_in(parts.get()) : std::vector<std::string>()) {
        const owned_fd folder = open_folder(parts.get(), name.c_str());
        if (folder.valid()) {
            out.parts.push_back({name, bytes_below(folder.get(), 0), is_locked(folder.get())});
        }
    }
    return out;
}

std::string folder_below(const fs::path& directory, const fs::path& package) {
    std::error_code error;
    const fs::path base = fs::canonical(directory, error);
    const fs::path inner = error ? fs::path() : fs::weakly_canonical(package, error);
    if (error) {
        return {};
    }
    const fs::path relative = inner.lexically_relative(base);
    const std::string first = relative.empty() ? std::string() : relative.begin()->string();
    return is_plain(first) && first != parts_folder ? first : std::string();
}

package_lock::package_lock(fs::path directory, std::string folder, owned_fd parts, owned_fd own,
                           owned_fd lock)
    : directory_(std::move(directory)),
      folder_(std::move(folder)),
      parts_(std::move(parts)),
      own_(std::move(own)),
      lock_(std::move(lock)) {}

package_lock::~package_lock() {
    if (!lock_.valid()) {
        return;  // moved from
    }
    // The lock at last, as a pull does. Parts of an unfinished pull keep it.
    if (names_in(own_.get()) == std::vector<std::string>{lock_name} &&
        ::unlinkat(own_.get(), lock_name, 0) == 0) {
        static_cast<void>(::unlinkat(parts_.get(), folder_.c_str(), AT_REMOVEDIR));
        const owned_fd all = open_directory(directory_);
        if (all.valid()) {
            static_cast<void>(
                ::unlinkat(all.get(), parts_folder, AT_REMOVEDIR));  // where it was the only one
        }
    }
}

core::result<package_lock> package_lock::take(const fs::path& directory, const std::string& folder) {
    const fs::path shown = directory / folder;
    const owned_fd all = open_directory(directory);
    if (!all.valid() || !is_plain(folder) || folder == parts_folder) {
        return not_removed(shown, core::say("remove.files-stay/folder"));
    }
    if (!open_folder(all.get(), folder.c_str()).valid()) {
        return not_removed(shown, core::say("remove.files-stay/folder"));
    }
    owned_fd parts = make_folder(all.get(), parts_folder);
    owned_fd own = parts.valid() ? make_folder(parts.get(), folder.c_str()) : owned_fd();
    if (!own.valid()) {
        return core::errno_failure(errno, core::say("pull.disk/write-below", directory.string()));
    }
    owned_fd lock = take_lock(own.get());
    if (!lock.valid()) {
        return not_removed(shown, core::say("remove.files-stay/pull"));
    }
    return package_lock(directory, folder, std::move(parts), std::move(own), std::move(lock));
}

core::result<removed> remove_pulled(const package_lock& held) {
    const std::string& folder = held.folder();
    const fs::path shown = held.directory() / folder;
    const owned_fd all = open_directory(held.directory());
    const owned_fd own = all.valid() ? open_folder(all.get(), folder.c_str()) : owned_fd();
    if (!own.valid()) {
        return not_removed(shown, core::say("remove.files-stay/folder"));
    }
    const auto marker = marker_of(own.get());
    if (!marker) {
        return not_removed(shown, core::say("remove.not-pulled/marker"));
    }
    removed out;
    for (const expected_file& one : marker->files) {
        std::string name;
        const owned_fd at = open_parent(own.get(), one.path, name);
        struct stat facts {};
        if (at.valid()) {
            facts = facts_of(at.get(), name.c_str());
        }
        if (S_ISDIR(facts.st_mode) || facts.st_nlink == 0) {
            continue;  // gone, or no file any more
        }
        if (::unlinkat(at.get(), name.c_str(), 0) != 0) {
            return core::errno_failure(
                errno, core::say("remove.files-stay/remove-what", (shown / one.path).string()));
        }
        out.bytes += size_on_disk(facts);
    }
    for (const std::string& name : names_in(own.get())) {
        remove_entry(own.get(), name, true, 0, out);
    }
    // Last, so that what a power cut leaves over is still known as ours.
    if (::unlinkat(own.get(), marker_name, 0) != 0) {
        return core::errno_failure(
            errno, core::say("remove.files-stay/remove-what", (shown / marker_name).string()));
    }
    out.kept = names_in(own.get());
    out.kept.resize(std::min(out.kept.size(), most_kept));
    if (out.kept.empty() && ::unlinkat(all.get(), folder.c_str(), AT_REMOVEDIR) != 0) {
        return core::errno_failure(errno, core::say("remove.files-stay/remove-what", shown.string()));
    }
    return out;
}

core::result<removed> remove_parts(const fs::path& directory, const std::string& folder) {
    const fs::path shown = directory / parts_folder / folder;
    const owned_fd all = open_directory(directory);
    const owned_fd parts = all.valid() ? open_folder(all.get(), parts_folder) : owned_fd();
    const owned_fd own =
        parts.valid() && is_plain(folder) ? open_folder(parts.get(), folder.c_str()) : owned_fd();
    if (!own.valid()) {
        return not_removed(shown, core::say("remove.files-stay/folder"));
    }
    const owned_fd lock = take_lock(own.get());
    if (!lock.valid()) {
        return not_removed(shown, core::say("remove.files-stay/pull"));
    }
    removed out;
    for (const std::string& name : names_in(own.get())) {
        if (name != lock_name) {  // it keeps others out until the end
            remove_entry(own.get(), name, false, 0, out);
        }
    }
    static_cast<void>(::unlinkat(own.get(), lock_name, 0));
    if (::unlinkat(parts.get(), folder.c_str(), AT_REMOVEDIR) != 0) {
        return core::errno_failure(errno, core::say("remove.files-stay/remove-what", shown.string()));
    }
    return out;
}

}  // namespace corral::pull
