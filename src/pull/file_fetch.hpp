#pragma once
// One file of a package, from wherever it is to its place in the stage, whole and with the right checksum.

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string>

#include "corral/core/result.hpp"
#include "pull/fetcher.hpp"
#include "pull/hub_tree.hpp"
#include "pull/work_place.hpp"

namespace corral::pull {

struct fetched_file {
    std::uint64_t size = 0;
    std::string sha256;
    bool in_target = false;  // it was there before, whole, and is not in the stage yet
};

// What the workers of a pull share.
struct file_work {
    const fetch_place* place = nullptr;
    work_place* work = nullptr;
    std::filesystem::path target;                     // the package as it may be there already
    std::atomic<std::uint64_t>* completed = nullptr;  // bytes that are here, of all files
    std::atomic<bool>* fetches = nullptr;             // a file was not there
};

// Blocks. `address` is a URL, or with `local` a path, for which nothing fetches.
[[nodiscard]] core::result<fetched_file> fetch_file(const file_work& with, fetcher* by,
                                                    const source_file& file, const std::string& address,
                                                    bool local);

}  // namespace corral::pull
