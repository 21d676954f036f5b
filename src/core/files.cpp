#include "corral/core/files.hpp"

#include <cerrno>
#include <cstdlib>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "corral/core/say.hpp"

namespace corral::core {

namespace {

namespace fs = std::filesystem;

// 0 or an errno value.
int fill(int handle, const private_file& with) {
    const bool own = with.owner == ::geteuid() && with.group == ::getegid();
    if (!own && ::fchown(handle, with.owner, with.group) != 0) {
        return errno;
    }
    const bool done =
        ::fchmod(handle, with.mode) == 0 && write_all(handle, with.text) && ::fsync(handle) == 0;
    return done ? 0 : errno;
}

result<void> sync_folder(const fs::path& folder) {
    const owned_fd handle(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!handle.valid() || ::fsync(handle.get()) != 0) {
        return path_failure("files.private/sync", folder, errno);
    }
    return {};
}

}  // namespace

result<private_file> read_private_file(const fs::path& file, std::size_t most) {
    // Not blocking: the name may be that of a pipe.
    const owned_fd handle(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat facts {};
    if (!handle.valid() || ::fstat(handle.get(), &facts) != 0) {
        return path_failure("files.private/read", file, errno);
    }
    if (!S_ISREG(facts.st_mode)) {
        return make_failure(errc::invalid, core::say("files.private/regular-file", file.string()));
    }
    private_file out{{}, facts.st_mode & 07777U, facts.st_uid, facts.st_gid};
    auto text = read_all(handle.get(), most + 1);
    if (!text) {
        return path_failure("files.private/read", file, errno);
    }
    if (text->size() > most) {
        return make_failure(errc::limit_exceeded, core::say("files.private/larger-mib", file.string()));
    }
    out.text = std::move(*text);
    return out;
}

result<void> replace_private_file(const fs::path& file, const private_file& with) {
    std::string aside = file.string() + ".XXXXXX";
    const owned_fd handle(::mkostemp(aside.data(), O_CLOEXEC));
    if (!handle.valid()) {
        return path_failure("files.private/beside", file, errno);
    }
    int problem = fill(handle.get(), with);
    if (problem == 0 && ::rename(aside.c_str(), file.c_str()) != 0) {
        problem = errno;
    }
    if (problem != 0) {
        ::unlink(aside.c_str());
        return path_failure("files.private/write", file, problem);
    }
    return sync_folder(file.parent_path());
}

result<void> make_private_folder(const std::filesystem::path& folder) {
    std::error_code error;
    const bool made = std::filesystem::create_directories(folder, error);
    if (!error && made) {
        std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
    }
    if (error) {
        return errno_failure(error.value(),
                             core::say("files.private/make-folder", folder.string(), error.message()));
    }
    return {};
}

result<folder_lock> folder_lock::take(const fs::path& folder) {
    owned_fd handle(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!handle.valid()) {
        return path_failure("files.private/open", folder, errno);
    }
    if (::flock(handle.get(), LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK
                   ? make_failure(errc::unavailable,
                                  core::say("files.private/another-program", folder.string()))
                   : path_failure("files.private/lock", folder, errno);
    }
    return folder_lock(std::move(handle));
}

file_watch::file_watch(std::vector<std::filesystem::path> files)
    : files_(std::move(files)), known_(look_at_all()) {}

file_watch::facts file_watch::look(const std::filesystem::path& file) {
    struct stat found {};
    if (::stat(file.c_str(), &found) != 0) {
        return {};
    }
    constexpr std::int64_t second = 1'000'000'000;
    return {found.st_dev, found.st_ino, found.st_size, found.st_ctim.tv_sec * second + found.st_ctim.tv_nsec};
}

std::vector<file_watch::facts> file_watch::look_at_all() const {
    std::vector<facts> out;
    out.reserve(files_.size());
    for (const auto& file : files_) {
        out.push_back(look(file));
    }
    return out;
}

bool file_watch::changed() {
    const auto before = std::exchange(known_, look_at_all());
    return before != known_;
}

std::vector<std::filesystem::path> shipped_folders(std::string_view kind) {
    namespace fs = std::filesystem;
    std::vector<fs::path> out;
    std::error_code unknown;  // then the usual places remain
    const fs::path program = fs::read_symlink("/proc/self/exe", unknown);
    if (!unknown) {
        out.push_back(program.parent_path().parent_path() / "share/corral" / kind);
    }
    out.push_back(fs::path("/usr/local/share/corral") / kind);
    out.push_back(fs::path("/usr/share/corral") / kind);
    return out;
}

}  // namespace corral::core
