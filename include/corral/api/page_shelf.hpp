#pragma once
// The files of the page for browsers (docs/security.md): read once, off the loop, when the first browser asks.

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "corral/core/async.hpp"
#include "corral/core/disk_work.hpp"
#include "corral/core/result.hpp"
#include "corral/core/time.hpp"

namespace corral::api {

struct page_file {
    std::string_view content_type;
    std::string plain;
    std::string gzip;    // the same, compressed; empty: there is none
    std::string tag;     // of the content
    bool lasts = false;  // its name changes with its content
};

// By name; the first page is "index.html".
using page_files = std::map<std::string, page_file, std::less<>>;

// Blocking. The regular files of `folder` whose names and kinds a page has; others are passed over. Fails when the
// folder can't be read, and beyond 64 files or 4 MiB.
[[nodiscard]] core::result<page_files> read_page(const std::filesystem::path& folder);

class page_shelf {
public:
    // Of `folders` the first that has an index.html counts. Blocking: looks for it. `own`, which need not be there, may
    // hold a maker's logo.svg and brand.css in the place of those.
    explicit page_shelf(const std::vector<std::filesystem::path>& folders, std::filesystem::path own = {});

    // There is a page.
    [[nodiscard]] bool stocked() const noexcept { return !folder_.empty(); }

    // The same files from then on. Fails, and says so once in the log, as read_page does, and when the disk does not
    // answer within 10 s; the next call tries again. REQUIRES: stocked().
    [[nodiscard]] core::awaitable<core::result<std::shared_ptr<const page_files>>> files(
        core::steady_time now);

private:
    std::filesystem::path folder_;
    std::filesystem::path own_;
    std::shared_ptr<const page_files> files_;
    bool warned_ = false;  // that it can't be read
    core::disk_work disk_;
};

}  // namespace corral::api
