#include "corral/catalog/whole_file.hpp"

#include <cerrno>
#include <cstdio>
#include <string>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace corral::catalog {

namespace {

namespace fs = std::filesystem;

class descriptor {
public:
    explicit descriptor(int number) : number_(number) {}
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor() { static_cast<void>(close()); }
    [[nodiscard]] int number() const noexcept { return number_; }
    [[nodiscard]] bool close() {
        const int open = std::exchange(number_, -1);
        return open < 0 || ::close(open) == 0;
    }

private:
    int number_;
};

core::failure failed(const char* action, const fs::path& path) {
    const int why = errno;
    const core::error_code code(why, boost::system::system_category());
    return {code, std::string(action) + " '" + path.string() + "': " + code.message()};
}

bool write_all(int to, std::string_view text) {
    while (!text.empty()) {
        const ssize_t taken = ::write(to, text.data(), text.size());
        if (taken < 0 && errno == EINTR) {
            continue;
        }
        if (taken < 0) {
            return false;
        }
        text.remove_prefix(static_cast<std::size_t>(taken));
    }
    return true;
}

core::result<void> write_and_sync(const fs::path& path, std::string_view text) {
    descriptor file(
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
    if (file.number() < 0 || !write_all(file.number(), text) || ::fsync(file.number()) != 0 ||
        !file.close()) {
        return failed("cannot write", path);
    }
    return {};
}

core::result<void> sync_folder(const fs::path& folder) {
    const descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (opened.number() < 0 || ::fsync(opened.number()) != 0) {
        return failed("cannot sync", folder);
    }
    return {};
}

}  // namespace

core::result<void> write_whole_file(const fs::path& path, std::string_view text) {
    fs::path unfinished = path;
    unfinished += unfinished_ending;
    core::result<void> written = write_and_sync(unfinished, text);
    if (written && std::rename(unfinished.c_str(), path.c_str()) != 0) {
        written = failed("cannot replace", path);
    }
    if (!written) {
        ::unlink(unfinished.c_str());  // often not there; the failure to tell is the first one
        return written;
    }
    return sync_folder(path.parent_path());
}

core::result<void> remove_file(const fs::path& path) {
    if (::unlink(path.c_str()) != 0) {
        return failed("cannot remove", path);
    }
    return sync_folder(path.parent_path());
}

}  // namespace corral::catalog
