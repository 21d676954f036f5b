#pragma once
// A file while it comes, and its checksums.

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "corral/core/owned_fd.hpp"
#include "corral/core/result.hpp"
#include "corral/package/checksum_list.hpp"
#include "pull/hub_tree.hpp"

struct evp_md_ctx_st;

namespace corral::pull {

// The checksums of a file's bytes while they go by.
class content_hash {
public:
    // With git's own id too where that is all the source states, for which the size must be known.
    explicit content_hash(const source_file& file);
    void feed(std::string_view bytes) noexcept;

    struct sums {
        std::string sha256;
        std::string git_blob;  // empty: not asked for
    };
    // Once.
    [[nodiscard]] core::result<sums> finish();

private:
    struct closer {
        void operator()(evp_md_ctx_st* context) const noexcept;
    };
    package::sha256_sum sha256_;
    std::unique_ptr<evp_md_ctx_st, closer> sha1_;
};

// Whether these are the file's own.
[[nodiscard]] bool matches(const source_file& file, const content_hash::sums& sums) noexcept;

// A file while it comes: hashed and written in large pieces, and never more of it in the page cache than is on its way to
// the disk.
class part_file {
public:
    // What lies there already counts once rehash() has read it. Fails with a sentence.
    [[nodiscard]] static core::result<part_file> open(const std::filesystem::path& file,
                                                      const source_file& of);

    [[nodiscard]] std::uint64_t bytes() const noexcept { return written_ + buffer_.size(); }

    // Reads what lies there, so that what is added to it is hashed with it. False: `stop` became true.
    [[nodiscard]] core::result<bool> rehash(const std::atomic<bool>& stop);
    // All of it is taken back.
    [[nodiscard]] core::result<void> restart();
    // Asks for the room of the rest, so that a full disk shows at once.
    [[nodiscard]] core::result<void> reserve(std::uint64_t size);
    [[nodiscard]] core::result<void> append(std::string_view bytes);
    // What is still in memory is written; the file may be gone on with another time.
    [[nodiscard]] core::result<void> flush();
    // Nothing is left in memory or on its way to the disk.
    [[nodiscard]] core::result<content_hash::sums> finish();

private:
    part_file(core::owned_fd handle, std::filesystem::path name, const source_file& file);
    [[nodiscard]] core::failure failed(const char* what, int value) const;
    [[nodiscard]] core::result<void> write_out();

    core::owned_fd handle_;
    std::filesystem::path name_;
    source_file of_;
    content_hash hash_;
    std::string buffer_;
    std::uint64_t written_ = 0;  // and hashed
    std::uint64_t sent_ = 0;     // the kernel was asked to write
};

struct hashed_file {
    std::uint64_t size = 0;
    content_hash::sums sums;
};

// The file at `name`, read once; nothing where there is none, or no plain file. Fails when `stop` becomes true.
[[nodiscard]] core::result<std::optional<hashed_file>> hash_file(const std::filesystem::path& name,
                                                                 const source_file& file,
                                                                 const std::atomic<bool>& stop);

// "the disk of ... is full" and the like, for a failed call.
[[nodiscard]] core::failure disk_failure(const std::filesystem::path& file, const char* what, int value);

}  // namespace corral::pull
