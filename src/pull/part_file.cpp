#include "pull/part_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "pull/source_list.hpp"

namespace corral::pull {

void content_hash::closer::operator()(evp_md_ctx_st* context) const noexcept {
    EVP_MD_CTX_free(context);
}

content_hash::content_hash(const source_file& file) {
    if (!file.sha256.empty() || file.git_blob.empty()) {
        return;
    }
    sha1_.reset(EVP_MD_CTX_new());
    if (sha1_ && EVP_DigestInit_ex(sha1_.get(), EVP_sha1(), nullptr) == 1) {
        // git hashes a blob with its kind and size before it.
        const std::string head = "blob " + std::to_string(file.size.value_or(0));
        EVP_DigestUpdate(sha1_.get(), head.c_str(), head.size() + 1);
    }
}

void content_hash::feed(std::string_view bytes) noexcept {
    sha256_.feed(bytes);
    if (sha1_) {
        EVP_DigestUpdate(sha1_.get(), bytes.data(), bytes.size());
    }
}

core::result<content_hash::sums> content_hash::finish() {
    auto sha256 = sha256_.hex();
    if (!sha256) {
        return sha256.error();
    }
    sums out{std::move(*sha256), {}};
    if (sha1_) {
        std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
        unsigned length = 0;
        // A failure leaves another number of digits, and with that no match.
        EVP_DigestFinal_ex(sha1_.get(), digest.data(), &length);
        out.git_blob = core::hex_text(digest.data(), length);
    }
    return out;
}

bool matches(const source_file& file, const content_hash::sums& sums) noexcept {
    return file.sha256.empty() ? !file.git_blob.empty() && file.git_blob == sums.git_blob
                               : file.sha256 == sums.sha256;
}

namespace {

constexpr std::size_t piece = 1024UL * 1024;          // of a write
constexpr std::uint64_t window = 8ULL * 1024 * 1024;  // that may be on its way to the disk

// To the end. 0, an errno value, or ECANCELED.
int read_through(int from, const std::atomic<bool>& stop, content_hash& to, std::uint64_t& bytes) {
    std::string buffer(piece, '\0');
    (void)::posix_fadvise(from, 0, 0, POSIX_FADV_SEQUENTIAL);
    while (!stop.load()) {
        const ssize_t got = ::pread(from, buffer.data(), buffer.size(), static_cast<off_t>(bytes));
        if (got < 0 && errno != EINTR) {
            return errno;
        }
        if (got == 0) {
            (void)::posix_fadvise(from, 0, 0, POSIX_FADV_DONTNEED);
            return 0;
        }
        if (got > 0) {
            to.feed({buffer.data(), static_cast<std::size_t>(got)});
            bytes += static_cast<std::uint64_t>(got);
        }
    }
    return ECANCELED;
}

}  // namespace

core::failure disk_failure(const std::filesystem::path& file, const char* what, int value) {
    const std::string name = "'" + file.string() + "'";
    if (value == ENOSPC || value == EDQUOT) {
        return core::errno_failure(value, core::say("pull.room/disk-full", name));
    }
    if (value == EIO || value == EROFS) {
        return core::errno_failure(
            value, core::say("pull.disk/disk-fails", name, boost::system::system_category().message(value)));
    }
    return core::errno_failure(
        value, core::say("pull.disk/see-who", what, name, boost::system::system_category().message(value)));
}

part_file::part_file(core::owned_fd handle, std::filesystem::path name, const source_file& file)
    : handle_(std::move(handle)), name_(std::move(name)), of_(file), hash_(file) {
    buffer_.reserve(piece);
}

core::failure part_file::failed(const char* what, int value) const {
    return disk_failure(name_, what, value);
}

core::result<part_file> part_file::open(const std::filesystem::path& file, const source_file& of) {
    constexpr mode_t mode = 0644;
    core::owned_fd handle(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode));
    struct stat facts {};
    if (!handle.valid() || ::fstat(handle.get(), &facts) != 0) {
        return disk_failure(file, "open", errno);
    }
    if (!S_ISREG(facts.st_mode)) {
        return disk_failure(file, "write to", EINVAL);
    }
    return part_file(std::move(handle), file, of);
}

core::result<bool> part_file::rehash(const std::atomic<bool>& stop) {
    hash_ = content_hash(of_);
    written_ = 0;
    const int value = read_through(handle_.get(), stop, hash_, written_);
    sent_ = written_;
    if (value != 0 && value != ECANCELED) {
        return failed("read", value);
    }
    return value == 0;
}

core::result<std::optional<hashed_file>> hash_file(const std::filesystem::path& name, const source_file& file,
                                                   const std::atomic<bool>& stop) {
    const core::owned_fd handle(::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW));
    struct stat facts {};
    if (!handle.valid() || ::fstat(handle.get(), &facts) != 0 || !S_ISREG(facts.st_mode) ||
        (file.size && static_cast<std::uint64_t>(facts.st_size) != *file.size)) {
        return std::optional<hashed_file>();
    }
    hashed_file out;
    content_hash hash(file);
    const int value = read_through(handle.get(), stop, hash, out.size);
    if (value == ECANCELED) {
        return stopped_failure();
    }
    if (value != 0) {
        return disk_failure(name, "read", value);
    }
    auto sums = hash.finish();
    if (!sums) {
        return sums.error();
    }
    out.sums = std::move(*sums);
    return std::optional(std::move(out));
}

core::result<void> part_file::restart() {
    buffer_.clear();
    hash_ = content_hash(of_);
    written_ = 0;
    sent_ = 0;
    if (::ftruncate(handle_.get(), 0) != 0) {
        return failed("empty", errno);
    }
    return {};
}

core::result<void> part_file::reserve(std::uint64_t size) {
    // The length stays, for it shows what has come. Not every file system can.
    if (size > written_ &&
        ::fallocate(handle_.get(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(size)) != 0 &&
        errno == ENOSPC) {
        return failed("write to", ENOSPC);
    }
    return {};
}

core::result<void> part_file::append(std::string_view bytes) {
    while (!bytes.empty()) {
        const std::size_t now = std::min(bytes.size(), piece - buffer_.size());
        buffer_.append(bytes.substr(0, now));
        bytes.remove_prefix(now);
        if (buffer_.size() == piece) {
            if (auto done = write_out(); !done) {
                return done;
            }
        }
    }
    return {};
}

core::result<void> part_file::write_out() {
    std::string_view rest = buffer_;
    auto at = static_cast<off_t>(written_);
    while (!rest.empty()) {
        const ssize_t done = ::pwrite(handle_.get(), rest.data(), rest.size(), at);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            const int value = errno;
            // The hash knows nothing of what was written of this piece.
            return failed("write to",
                          ::ftruncate(handle_.get(), static_cast<off_t>(written_)) == 0 ? value : errno);
        }
        rest.remove_prefix(static_cast<std::size_t>(done));
        at += done;
    }
    hash_.feed(buffer_);
    written_ += buffer_.size();
    buffer_.clear();
    if (written_ - sent_ >= window) {
        // Begins with this window, waits for the one before, and lets go of that: an even stream of large writes.
        (void)::sync_file_range(handle_.get(), static_cast<off_t>(sent_),
                                static_cast<off_t>(written_ - sent_), SYNC_FILE_RANGE_WRITE);
        if (sent_ >= window) {
            const auto before = static_cast<off_t>(sent_ - window);
            (void)::sync_file_range(
                handle_.get(), before, static_cast<off_t>(window),
                SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
            (void)::posix_fadvise(handle_.get(), before, static_cast<off_t>(window), POSIX_FADV_DONTNEED);
        }
        sent_ = written_;
    }
    return {};
}

core::result<void> part_file::flush() {
    return write_out();
}

core::result<content_hash::sums> part_file::finish() {
    if (auto done = write_out(); !done) {
        return done.error();
    }
    // Room that was reserved beyond the end goes back.
    if (::ftruncate(handle_.get(), static_cast<off_t>(written_)) != 0 || ::fsync(handle_.get()) != 0) {
        return failed("write to", errno);
    }
    (void)::posix_fadvise(handle_.get(), 0, 0, POSIX_FADV_DONTNEED);
    return hash_.finish();
}

}  // namespace corral::pull
