#include "corral/catalog/whole_file.hpp"

#include <cerrno>
#include <cstdio>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include "corral/core/owned_fd.hpp"
#include "corral/core/say.hpp"

namespace corral::catalog {

namespace {

namespace fs = std::filesystem;

core::result<void> write_and_sync(const fs::path& path, std::string_view text) {
    core::owned_fd file(
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
    if (!file.valid() || !core::write_all(file.get(), text) || ::fsync(file.get()) != 0 || !file.close()) {
        return core::path_failure("files.disk/write", path, errno);
    }
    return {};
}

core::result<void> sync_folder(const fs::path& folder) {
    const core::owned_fd opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened.valid() || ::fsync(opened.get()) != 0) {
        return core::path_failure("files.disk/sync", folder, errno);
    }
    return {};
}

}  // namespace

core::result<void> write_whole_file(const fs::path& path, std::string_view text) {
    fs::path unfinished = path;
    unfinished += unfinished_ending;
    core::result<void> written = write_and_sync(unfinished, text);
    if (written && std::rename(unfinished.c_str(), path.c_str()) != 0) {
        written = core::path_failure("files.disk/replace", path, errno);
    }
    if (!written) {
        ::unlink(unfinished.c_str());  // often not there; the failure to tell is the first one
        return written;
    }
    return sync_folder(path.parent_path());
}

core::result<void> remove_file(const fs::path& path) {
    if (::unlink(path.c_str()) != 0) {
        return core::path_failure("files.disk/remove", path, errno);
    }
    return sync_folder(path.parent_path());
}

}  // namespace corral::catalog
