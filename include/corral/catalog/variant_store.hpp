#pragma once
// What clients made of models, kept on disk: one file each in one folder, replaced whole or not at all. What
// a document says is its owner's business.

#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "corral/core/async.hpp"
#include "corral/core/result.hpp"
#include "corral/core/worker.hpp"

namespace corral::catalog {

// For new documents; what is found above them stays, and is served.
struct variant_store_limits {
    std::size_t count = 1000;  // documents
    std::size_t document_bytes = 1024 * 1024;
    std::size_t all_bytes = 16 * 1024 * 1024;  // of all documents together
    std::size_t head_bytes = 4096;             // of each, read by open()
};

struct variant_usage {
    std::size_t count = 0;
    std::uint64_t bytes = 0;
};

// Whether a client may keep a document of `bytes`; fails with errc::limit_exceeded. `own` and `others` are what it
// and all others have without the document that this one replaces, of `replaced` bytes. One client may have half
// of what others leave. What replaces a document and is no longer than it may always be kept.
[[nodiscard]] core::result<void> judge_variant(const variant_store_limits& limits, variant_usage own,
                                               variant_usage others, std::size_t bytes,
                                               std::optional<std::uint64_t> replaced);

class variant_store {
public:
    struct file {
        std::string file_name;
        std::string head;  // the document, or its beginning
        std::uint64_t size = 0;
        [[nodiscard]] bool whole() const noexcept { return head.size() == size; }
    };

    // Makes the folder (mode 0700) unless it is there, and reads the beginnings of its files; what a crash left
    // half written goes. Blocks on the disk, so call it before the loop runs. Fails with a sentence that names
    // the folder.
    [[nodiscard]] static core::result<std::unique_ptr<variant_store>> open(std::filesystem::path folder,
                                                                           variant_store_limits limits = {});
    variant_store(const variant_store&) = delete;
    variant_store& operator=(const variant_store&) = delete;
    // Waits for what is under way.
    ~variant_store();

    // What open() found, in the order of file names; to be asked once.
    [[nodiscard]] std::vector<file> take_found() { return std::move(found_); }
    // Files that could not be read, a sentence each. They stay where they are.
    [[nodiscard]] const std::vector<std::string>& warnings() const noexcept { return warnings_; }
    [[nodiscard]] const variant_store_limits& limits() const noexcept { return limits_; }

    // The file of the model `name` (display form); the same for every case. Letters, digits, '.', '-' and '_'
    // only, whatever the name holds.
    [[nodiscard]] static std::string file_name(std::string_view name);
    // Whose document a found file is.
    void belongs_to(const std::string& file_name, const std::string& client);
    // It is neither replaced nor removed from now on: errc::refused.
    void leave_alone(const std::string& file_name) { left_alone_.insert(file_name); }

    // Adds or replaces the document of `name`; it is on the disk when this returns. Makes the folder again where
    // it is gone. Failures: those of judge_variant, or the system's. Not cut short by a cancellation.
    [[nodiscard]] core::awaitable<core::result<void>> save(std::string name, std::string document,
                                                           std::string client = {});
    // Failures: the system's, ENOENT included.
    [[nodiscard]] core::awaitable<core::result<void>> remove(std::string name);

    // A whole document. Blocks on the disk: for work().
    [[nodiscard]] core::result<std::string> document(const std::string& file_name) const;
    // `what` on the thread that reads and writes, in order; it touches nothing that the loop touches, and is not cut
    // short by a cancellation, so that a client that leaves does not leave half of its model behind.
    template <typename Result>
    [[nodiscard]] core::awaitable<core::result<Result>> work(std::function<core::result<Result>()> what) {
        std::optional<core::result<Result>> made;
        std::function<void()> work = [&made, &what] { made.emplace(guarded(what)); };
        const bool done = co_await disk_.run(std::move(work));
        if (!done) {
            co_return no_thread();
        }
        co_return std::move(*made);
    }

private:
    struct held {
        std::uint64_t bytes = 0;
        std::string client;
    };
    variant_store(std::filesystem::path folder, variant_store_limits limits);
    [[nodiscard]] static core::failure no_thread();
    [[nodiscard]] static core::failure thrown(const std::exception& error);
    template <typename Outcome>
    [[nodiscard]] static Outcome guarded(const std::function<Outcome()>& what) {
        try {
            return what();
        } catch (const std::exception& error) {
            return thrown(error);
        }
    }
    [[nodiscard]] core::result<void> read();
    void read_file(const std::filesystem::path& path);
    [[nodiscard]] core::result<void> judge(const std::string& own_file, const std::string& client,
                                           std::size_t bytes) const;

    std::filesystem::path folder_;
    variant_store_limits limits_;
    std::vector<file> found_;
    std::vector<std::string> warnings_;
    std::map<std::string, held> files_;  // those being written included
    std::set<std::string> left_alone_;
    core::worker disk_;  // one thread, so that writes keep their order
};

}  // namespace corral::catalog
