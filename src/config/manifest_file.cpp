#include "corral/config/manifest_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "corral/core/owned_fd.hpp"
#include "corral/core/say.hpp"

namespace corral::config {

namespace {

namespace fs = std::filesystem;

constexpr mode_t for_everybody_to_read = 0644;

const char* way_out(int value) {
    switch (value) {
        case ENOSPC:
        case EDQUOT:
            return "Make room on its disk ('df -h' shows it)";
        case EACCES:
        case EPERM:
            return "Run this with sudo";
        case EROFS:
            return "Its file system is read-only: mount it writable";
        default:
            return "Look at its disk by 'dmesg'";
    }
}

core::failure failed(const fs::path& where, int value, std::string_view other_place) {
    std::string mended = way_out(value);
    mended += (other_place.empty() ? "" : ", or ") + std::string(other_place) + ".";
    return core::errno_failure(value, core::say("configuration.manifest-write/written", where.string(),
                                                boost::system::system_category().message(value), mended));
}

core::failure elsewhere(const fs::path& where) {
    return core::make_failure(core::errc::refused,
                              core::say("configuration.manifest-write/link-leads", where.string()));
}

core::result<void> make_folder(const fs::path& folder, std::string_view other_place) {
    std::error_code error;
    if (fs::is_symlink(fs::symlink_status(folder, error))) {
        return elsewhere(folder);
    }
    fs::create_directories(folder, error);
    if (error) {
        return failed(folder, error.value(), other_place);
    }
    return {};
}

// 0 or an errno value; the file is there whole, under that name, when it is 0.
int fill(int folder, const std::string& name, std::string_view text) {
    const core::owned_fd file(
        ::openat(folder, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file.valid()) {
        return errno;
    }
    const bool done = core::write_all(file.get(), text) && ::fchmod(file.get(), for_everybody_to_read) == 0 &&
                      ::fsync(file.get()) == 0;
    return done ? 0 : errno;
}

}  // namespace

std::string manifest_file_name(std::string_view model) {
    std::string out(model);
    std::replace_if(
        out.begin(), out.end(), [](char c) { return c == ':' || c == '/'; }, '-');
    return out + ".toml";
}

core::result<void> write_manifest(const fs::path& file, std::string_view text, bool replace,
                                  std::string_view other_place) {
    if (const auto made = make_folder(file.parent_path(), other_place); !made) {
        return made.error();
    }
    const core::owned_fd folder(
        ::open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!folder.valid()) {
        return errno == ELOOP || errno == ENOTDIR ? elsewhere(file.parent_path())
                                                  : failed(file.parent_path(), errno, other_place);
    }
    const std::string name = file.filename().string();
    struct stat facts {};
    if (::fstatat(folder.get(), name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(facts.st_mode)) {
        return elsewhere(file);
    }
    // Hidden, so that it is not taken for a manifest.
    const std::string aside = "." + name + "." + std::to_string(::getpid()) + ".tmp";
    int wrong = fill(folder.get(), aside, text);
    if (wrong == 0 && ::renameat2(folder.get(), aside.c_str(), folder.get(), name.c_str(),
                                  replace ? 0U : static_cast<unsigned>(RENAME_NOREPLACE)) != 0) {
        wrong = errno;
    }
    if (wrong == 0 && ::fsync(folder.get()) != 0) {
        return failed(file, errno, other_place);
    }
    if (wrong != 0) {
        ::unlinkat(folder.get(), aside.c_str(), 0);  // it may not be there
        return failed(file, wrong, other_place);
    }
    return {};
}

core::result<void> remove_manifest(const fs::path& file) {
    const core::owned_fd folder(::open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder.valid() || ::unlinkat(folder.get(), file.filename().c_str(), 0) != 0 ||
        ::fsync(folder.get()) != 0) {
        const int value = errno;
        return core::errno_failure(value, core::say("remove.files-stay/remove", file.string(),
                                                    boost::system::system_category().message(value)));
    }
    return {};
}

}  // namespace corral::config
