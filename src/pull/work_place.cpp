#include "pull/work_place.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <set>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "corral/core/owned_fd.hpp"
#include "corral/package/checksum_list.hpp"
#include "pull/part_file.hpp"
#include "pull/source_list.hpp"

namespace corral::pull {

namespace {

namespace fs = std::filesystem;

constexpr mode_t file_mode = 0644;
constexpr std::size_t progress_bytes = 512;
constexpr std::size_t most_text = 8UL * 1024 * 1024;

std::string text_of(const fs::path& file, std::size_t most) {
    const core::owned_fd handle(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW));
    auto text = handle.valid() ? core::read_all(handle.get(), most) : std::nullopt;
    return text ? std::move(*text) : std::string();
}

core::result<void> make_folders(const fs::path& folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) {
        return disk_failure(folder, "make the folder", error.value());
    }
    return {};
}

core::result<void> sync_folder(const fs::path& folder) {
    const core::owned_fd handle(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    // Some file systems can't sync a folder.
    if (!handle.valid() || (::fsync(handle.get()) != 0 && errno != EINVAL)) {
        return disk_failure(folder, "sync", errno);
    }
    return {};
}

core::result<void> sync_folders(const fs::path& top) {
    std::error_code error;
    std::vector<fs::path> all{top};
    for (fs::recursive_directory_iterator it(top, error), end; !error && it != end; it.increment(error)) {
        if (it->is_directory(error) && !it->is_symlink(error)) {
            all.push_back(it->path());
        }
    }
    for (const fs::path& each : all) {
        if (auto done = sync_folder(each); !done) {
            return done;
        }
    }
    return {};
}

core::result<void> write_synced(const fs::path& file, std::string_view text) {
    core::owned_fd handle(
        ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, file_mode));
    if (!handle.valid() || !core::write_all(handle.get(), text) || ::fsync(handle.get()) != 0 ||
        !handle.close()) {
        return disk_failure(file, "write", errno);
    }
    return {};
}

// The lock of the file that has the name now, and not of one that was removed while we waited.
bool is_still(const fs::path& file, int handle) {
    struct stat named {};
    struct stat open {};
    return ::stat(file.c_str(), &named) == 0 && ::fstat(handle, &open) == 0 && named.st_ino == open.st_ino &&
           named.st_dev == open.st_dev;
}

fs::path part_at(const fs::path& root, const source_file& file) {
    // Two files of the same bytes have two parts.
    constexpr std::size_t enough = 16;
    package::sha256_sum path;
    path.feed(file.path);
    const auto distinct = path.hex();
    return root / "parts" /
           ((file.sha256.empty() ? file.git_blob : file.sha256) +
            (distinct ? distinct->substr(0, enough) : ""));
}

// Files of a package that no pull brought.
bool has_others(const fs::path& package, const pulled_marker& marker) {
    std::set<std::string> ours{marker_name};
    for (const expected_file& one : marker.files) {
        ours.insert(one.path);
    }
    std::error_code error;
    for (fs::recursive_directory_iterator it(package, error), end; !error && it != end; it.increment(error)) {
        const bool folder = it->is_directory(error) && !it->is_symlink(error);
        if (!folder && !ours.contains(it->path().lexically_relative(package).string())) {
            return true;
        }
    }
    return static_cast<bool>(error);
}

fs::path free_name(const fs::path& near) {
    constexpr int most = 1000;
    for (int i = 1; i < most; ++i) {
        fs::path out = near;
        out += ".kept" + std::to_string(i);
        std::error_code error;
        if (!fs::exists(fs::symlink_status(out, error))) {
            return out;
        }
    }
    return near;
}

// Moves a folder that no pull made, or with files that none brought, aside; that name, or none.
core::result<fs::path> keep_foreign(const fs::path& folder, const fs::path& target) {
    std::error_code error;
    const auto marker = read_marker(folder);
    if (!fs::exists(fs::symlink_status(folder, error)) || (marker && !has_others(folder, *marker))) {
        return fs::path();
    }
    fs::path kept = free_name(target);
    if (::rename(folder.c_str(), kept.c_str()) != 0) {
        return disk_failure(kept, "write", errno);
    }
    return kept;
}

// `swaps`: what is there came by a pull, so that in the place of the stage it is known for what it is.
int swap_or_move(const fs::path& stage, const fs::path& target, const fs::path& aside, bool swaps) {
    if (::renameat2(AT_FDCWD, stage.c_str(), AT_FDCWD, target.c_str(), RENAME_NOREPLACE) == 0) {
        return 0;
    }
    if (swaps && errno == EEXIST &&
        ::renameat2(AT_FDCWD, stage.c_str(), AT_FDCWD, target.c_str(), RENAME_EXCHANGE) == 0) {
        return ::rename(stage.c_str(), aside.c_str()) == 0 ? 0 : errno;
    }
    // A file system without such renames, as on sticks.
    struct stat facts {};
    const bool there = ::lstat(target.c_str(), &facts) == 0;
    if (there && ::rename(target.c_str(), aside.c_str()) != 0) {
        return errno;
    }
    if (::rename(stage.c_str(), target.c_str()) == 0) {
        return 0;
    }
    const int value = errno;
    if (there) {
        (void)::rename(aside.c_str(), target.c_str());
    }
    return value;
}

}  // namespace

std::optional<pulled_marker> read_marker(const fs::path& package) {
    return parse_marker(text_of(package / marker_name, most_text));
}

work_place::work_place(fs::path root, core::owned_fd lock) : root_(std::move(root)), lock_(std::move(lock)) {
    progress_.reset(
        ::open((root_ / "progress").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, file_mode));
    journal_ = parse_journal(text_of(root_ / "journal.json", most_text));
}

work_place::work_place(work_place&& other) noexcept
    : root_(std::move(other.root_)),
      lock_(std::move(other.lock_)),
      progress_(std::move(other.progress_)),
      journal_(std::move(other.journal_)) {}

core::result<work_place> work_place::open(const fs::path& directory, const std::string& folder,
                                          const std::function<void(std::string_view)>& waiting,
                                          const std::atomic<bool>& stop) {
    const fs::path root = directory / parts_folder / folder;
    const fs::path file = root / "lock";
    const auto make_both = [&] {
        std::error_code error;
        fs::create_directories(root / "package", error);
        if (!error) {
            fs::create_directories(root / "parts", error);
        }
        return error;
    };
    // Another one may end between any two steps, and take the folder along.
    int races_left = 10'000;
    const auto try_again = [&](int error) { return error == ENOENT && races_left-- > 0 && !stop.load(); };
    while (true) {
        if (const auto error = make_both(); error) {
            if (try_again(error.value())) {
                continue;
            }
            return disk_failure(root, "make the folder", error.value());
        }
        core::owned_fd lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, file_mode));
        if (!lock.valid() && try_again(errno)) {
            continue;
        }
        if (!lock.valid()) {
            return disk_failure(file, "open", errno);
        }
        while (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
            if (errno != EWOULDBLOCK && errno != EINTR) {
                return disk_failure(file, "lock", errno);
            }
            constexpr core::milliseconds step{200};
            if (!pause(step, stop)) {
                return stopped_failure();
            }
            std::string line = text_of(root / "progress", progress_bytes);
            line.resize(std::min(line.size(), line.find('\n')));
            waiting(line);
        }
        if (!is_still(file, lock.get())) {
            continue;
        }
        if (const auto error = make_both(); error) {
            return disk_failure(root, "make the folder", error.value());
        }
        return work_place(root, std::move(lock));
    }
}

fs::path work_place::part(const source_file& file) const {
    return part_at(root_, file);
}

std::uint64_t bytes_at(const fs::path& root, const source_file& file) {
    struct stat facts {};
    for (const fs::path& each : {root / "package" / file.path, part_at(root, file)}) {
        if (::lstat(each.c_str(), &facts) == 0 && S_ISREG(facts.st_mode)) {
            const auto size = static_cast<std::uint64_t>(facts.st_size);
            return file.size ? std::min(size, *file.size) : size;
        }
    }
    return 0;
}

std::string work_place::etag(const source_file& file) const {
    const std::lock_guard lock(guard_);
    const auto found = journal_.etags.find(part(file).filename().string());
    return found == journal_.etags.end() ? std::string() : found->second;
}

void work_place::keep_etag(const source_file& file, const std::string& etag) {
    constexpr std::uint64_t least =
        4UL * 1024 * 1024;  // less is fetched anew as quickly as it is gone on with
    if (file.size && *file.size < least) {
        return;
    }
    const std::lock_guard lock(guard_);
    auto& kept = journal_.etags[part(file).filename().string()];
    if (kept != etag) {
        kept = etag;
        save_journal();
    }
}

void work_place::begin(const std::string& source, const std::string& commit) {
    const std::lock_guard lock(guard_);
    journal_.source = source;
    journal_.commit = commit;
    save_journal();
}

void work_place::save_journal() {
    // A loss of it costs time alone, so it is not synced, and a failure is no failure of the pull.
    const fs::path fresh = root_ / "journal.new";
    const core::owned_fd handle(
        ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, file_mode));
    if (handle.valid() && core::write_all(handle.get(), journal_text(journal_))) {
        (void)::rename(fresh.c_str(), (root_ / "journal.json").c_str());
    }
}

void work_place::tell(std::string_view line) {
    // Always so long, so that no reader meets the rest of a longer one.
    std::string text(line.substr(0, progress_bytes - 1));
    text.resize(progress_bytes - 1, ' ');
    text.replace(std::min(line.size(), progress_bytes - 1), 1, "\n");
    if (progress_.valid() && ::pwrite(progress_.get(), text.data(), text.size(), 0) < 0) {
        progress_.reset();  // shown to others only, so a full disk ends the telling and not the pull
    }
}

core::result<void> work_place::put(const source_file& file) {
    const fs::path to = stage() / file.path;
    if (auto made = make_folders(to.parent_path()); !made) {
        return made;
    }
    if (::rename(part(file).c_str(), to.c_str()) != 0) {
        return disk_failure(to, "write", errno);
    }
    return {};
}

void work_place::keep_only(const std::vector<source_file>& files) {
    std::set<std::string> names;
    std::set<std::string> parts;
    for (const source_file& each : files) {
        names.insert(each.path);
        parts.insert(part(each).filename().string());
    }
    std::error_code error;
    std::vector<fs::path> gone;
    for (fs::recursive_directory_iterator it(stage(), error), end; !error && it != end; it.increment(error)) {
        const bool folder = it->is_directory(error) && !it->is_symlink(error);
        if (!folder && !names.contains(it->path().lexically_relative(stage()).string())) {
            gone.push_back(it->path());
        }
    }
    for (fs::directory_iterator it(root_ / "parts", error), end; !error && it != end; it.increment(error)) {
        if (!parts.contains(it->path().filename().string())) {
            gone.push_back(it->path());
        }
    }
    for (const fs::path& each : gone) {
        fs::remove(each, error);
    }
}

core::result<fs::path> work_place::place(const fs::path& target, const pulled_marker& marker,
                                         bool with_marker) {
    if (with_marker) {
        if (auto done = write_synced(stage() / marker_name, marker_text(marker)); !done) {
            return done.error();
        }
    }
    if (auto done = sync_folders(stage()); !done) {
        return done.error();
    }
    const fs::path aside = root_ / "before";
    std::error_code error;
    fs::remove_all(aside, error);  // what was worth it was rescued
    if (const int value = swap_or_move(stage(), target, aside, read_marker(target).has_value()); value != 0) {
        return disk_failure(target, "write", value);
    }
    if (auto done = sync_folder(target.parent_path()); !done) {
        return done.error();
    }
    return keep_foreign(aside, target);
}

core::result<fs::path> work_place::rescue(const fs::path& target) {
    auto kept = keep_foreign(root_ / "before", target);
    // An unfinished package has no marker until it is whole; then it has nothing that is not in its list.
    if (kept && kept->empty() && read_marker(stage())) {
        kept = keep_foreign(stage(), target);
    }
    if (auto made = make_folders(stage()); kept && !made) {
        return made.error();
    }
    return kept;
}

std::shared_ptr<const work_place> work_place::finish(work_place&& done) {
    std::error_code error;
    for (const char* const each : {"package", "parts", "journal.json", "journal.new", "progress"}) {
        fs::remove_all(done.root_ / each, error);
    }
    return {new work_place(std::move(done)), [](work_place* one) {
                one->remove_rest();
                delete one;
            }};
}

core::result<void> work_place::go_back(const fs::path& target) const {
    const fs::path before = root_ / "before";
    const int value = swap_or_move(before, target, root_ / "package", true);
    return value == 0 ? core::result<void>() : disk_failure(target, "write", value);
}

void work_place::remove_rest() const {
    std::error_code error;
    fs::remove_all(root_ / "before", error);
    fs::remove_all(root_ / "package", error);
    fs::remove(root_ / "lock", error);
    fs::remove(root_, error);
    fs::remove(root_.parent_path(), error);  // if this was the only one
}

}  // namespace corral::pull
