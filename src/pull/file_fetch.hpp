#pragma once
// The files of a package, each from wherever it is to its place in the stage, and the threads that fetch them.

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "corral/core/result.hpp"
#include "corral/pull/pull_package.hpp"
#include "pull/fetcher.hpp"
#include "pull/file_plan.hpp"
#include "pull/hub_tree.hpp"
#include "pull/work_place.hpp"

namespace corral::pull {

// One file of a package, from wherever it is to its place in the stage, whole and with the right checksum.

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

// The threads that fetch the files of a package.

struct listed_plan {
    std::string commit;
    file_plan plan;
    std::string digest;
};

// One run. What it borrows outlives it.
class crew {
public:
    crew(const pull_request& request, const fetch_place& place, rate_limiter& limiter, work_place& work,
         const listed_plan& plan, const std::filesystem::path& target);

    // Blocks; `tell` gets the bytes that are here about five times a second. In the order of the plan.
    [[nodiscard]] core::result<std::vector<fetched_file>> run(const std::function<void(std::uint64_t)>& tell,
                                                              const std::atomic<bool>& stop);
    // A file was not there. May be asked while it runs.
    [[nodiscard]] bool fetches() const noexcept { return fetches_.load(); }

private:
    void work();
    void fetch_all();
    void fail(core::failure why);

    const pull_request* asked_;
    fetch_place place_;
    rate_limiter* limiter_;
    const listed_plan* plan_;
    file_work with_;
    std::atomic<bool> stop_{false};
    std::atomic<std::uint64_t> completed_{0};
    std::atomic<bool> fetches_{false};
    std::atomic<std::size_t> next_{0};
    std::mutex guard_;
    std::condition_variable over_;
    std::size_t running_ = 0;
    std::optional<core::failure> trouble_;
    std::vector<fetched_file> got_;
};

}  // namespace corral::pull
