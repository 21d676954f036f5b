#pragma once
// What clients made of models, kept on disk: one file each in one folder, replaced whole or not at all. What
// a document says is its owner's business.

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "corral/core/async.hpp"
#include "corral/core/result.hpp"

namespace corral::catalog {

struct variant_store_limits {
    std::size_t count = 1000;  // documents
    std::size_t document_bytes = 1024 * 1024;
};

class variant_store {
public:
    struct file {
        std::string file_name;
        std::string document;
    };

    // Makes the folder (mode 0700) unless it is there, and reads it; what a crash left half written goes.
    // Blocks on the disk, so call it before the loop runs. Fails with a sentence that names the folder.
    [[nodiscard]] static core::result<std::unique_ptr<variant_store>> open(std::filesystem::path folder,
                                                                           variant_store_limits limits = {});
    // Waits for the write that is under way.
    ~variant_store();

    // What open() found, in the order of file names; to be asked once.
    [[nodiscard]] std::vector<file> take_found() { return std::move(found_); }
    // Files that could not be read, a sentence each. They stay where they are.
    [[nodiscard]] const std::vector<std::string>& warnings() const noexcept { return warnings_; }

    // The file of the model `name` (display form); the same for every case. Letters, digits, '.', '-' and '_'
    // only, whatever the name holds.
    [[nodiscard]] static std::string file_name(std::string_view name);

    // Adds or replaces the document of `name`; it is on the disk when this returns. Failures:
    // errc::limit_exceeded, or the system's. Not cut short by a cancellation.
    [[nodiscard]] core::awaitable<core::result<void>> save(std::string name, std::string document);
    // Failures: the system's, ENOENT included.
    [[nodiscard]] core::awaitable<core::result<void>> remove(std::string name);

private:
    struct disk_thread;
    variant_store(std::filesystem::path folder, variant_store_limits limits);
    [[nodiscard]] core::result<void> read();
    void read_file(const std::filesystem::path& path);
    [[nodiscard]] core::awaitable<core::result<void>> perform(std::function<core::result<void>()> work);

    std::filesystem::path folder_;
    variant_store_limits limits_;
    std::vector<file> found_;
    std::vector<std::string> warnings_;
    std::set<std::string> names_;  // of files, those being written included
    std::unique_ptr<disk_thread> thread_;
};

}  // namespace corral::catalog
