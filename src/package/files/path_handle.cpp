#include "package/files/path_handle.hpp"

#include <array>
#include <cerrno>
#include <climits>

#include <fcntl.h>
#include <unistd.h>

namespace corral::package {

namespace {

std::string own_name(int number) {
    return "/proc/self/fd/" + std::to_string(number);
}

}  // namespace

std::optional<path_handle> open_path(int folder, const std::string& path) {
    path_handle out;
    out.at = core::owned_fd(::openat(folder, path.c_str(), O_PATH | O_CLOEXEC));
    if (!out.at.valid() || ::fstat(out.at.get(), &out.about) != 0) {
        return std::nullopt;
    }
    std::array<char, PATH_MAX> real{};
    const ssize_t length = ::readlink(own_name(out.at.get()).c_str(), real.data(), real.size());
    if (length > 0 && static_cast<std::size_t>(length) < real.size()) {
        out.real.assign(real.data(), static_cast<std::size_t>(length));
    }
    return out;
}

std::optional<core::owned_fd> open_plain(const path_handle& place) {
    if (!S_ISREG(place.about.st_mode)) {
        errno = EINVAL;
        return std::nullopt;
    }
    core::owned_fd file(
        ::open(own_name(place.at.get()).c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    return file.valid() ? std::optional(std::move(file)) : std::nullopt;
}

std::optional<core::owned_fd> open_plain(const std::string& path) {
    const auto place = open_path(AT_FDCWD, path);
    return place ? open_plain(*place) : std::nullopt;
}

bool has_access(const path_handle& place, int access) {
    return ::faccessat(AT_FDCWD, own_name(place.at.get()).c_str(), access, AT_EACCESS) == 0;
}

}  // namespace corral::package
