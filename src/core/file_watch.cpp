#include "corral/core/file_watch.hpp"

#include <utility>

#include <sys/stat.h>

namespace corral::core {

file_watch::file_watch(std::vector<std::filesystem::path> files)
    : files_(std::move(files)), known_(look_at_all()) {}

file_watch::facts file_watch::look(const std::filesystem::path& file) {
    struct stat found {};
    if (::stat(file.c_str(), &found) != 0) {
        return {};
    }
    constexpr std::int64_t second = 1'000'000'000;
    return {found.st_dev, found.st_ino, found.st_size, found.st_mtim.tv_sec * second + found.st_mtim.tv_nsec};
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

}  // namespace corral::core
