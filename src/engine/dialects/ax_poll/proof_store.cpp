#include "engine/dialects/ax_poll/proof_store.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "corral/core/keyed_hash.hpp"
#include "corral/core/private_file.hpp"
#include "corral/core/state_format.hpp"

namespace corral::engine::ax_poll {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_files = 20'000;  // of a package
constexpr std::size_t most_kept = 500;      // entries of the folder
constexpr std::string_view beginning = "reuse-";
constexpr std::string_view ending = ".json";
constexpr std::size_t hash_digits = 16;

void feed_file(core::keyed_hash& hash, const fs::path& file) {
    struct stat about {};
    if (::stat(file.c_str(), &about) == 0 && S_ISREG(about.st_mode)) {
        hash.feed_part(file.string());
        hash.feed_part(fmt::format("{} {} {}", about.st_size, about.st_mtim.tv_sec, about.st_mtim.tv_nsec));
    }
}

std::string hex(const core::keyed_hash& hash) {
    return fmt::format("{:016x}", hash.result());
}

bool is_name_of_ours(std::string_view name) {
    if (name.size() != beginning.size() + hash_digits + ending.size() || !name.starts_with(beginning) ||
        !name.ends_with(ending)) {
        return false;
    }
    return name.substr(beginning.size(), hash_digits).find_first_not_of("0123456789abcdef") ==
           std::string_view::npos;
}

}  // namespace

proof_place proof_place_of(const fs::path& folder, const fs::path& package,
                           const std::vector<std::string>& command) {
    core::keyed_hash name(core::keyed_hash::key{});  // no secret: the same for the next process
    core::keyed_hash version(core::keyed_hash::key{});
    name.feed_part(package.string());
    for (const std::string& word : command) {
        if (word.find('{') == std::string::npos) {
            name.feed_part(word);
        }
        feed_file(version, word.starts_with('/') ? fs::path(word) : package / word);
    }
    std::vector<fs::path> files;
    std::error_code unreadable;
    fs::recursive_directory_iterator entry(package, fs::directory_options::skip_permission_denied,
                                           unreadable);
    for (; !unreadable && entry != fs::recursive_directory_iterator() && files.size() < most_files;) {
        files.push_back(entry->path());
        entry.increment(unreadable);
    }
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files) {
        if (file.string().find("__pycache__") == std::string::npos) {
            feed_file(version, file);
        }
    }
    const std::string file = std::string(beginning) + hex(name) + std::string(ending);
    return {folder / file, package, hex(version)};
}

std::optional<reuse_proof> recall_proof(const proof_place& at) {
    const auto kept = core::read_private_file(at.file);
    if (!kept) {
        return std::nullopt;
    }
    auto found = proof_of(kept->text);
    if (!found || found->version != at.version) {
        return std::nullopt;
    }
    return found->proof;
}

std::string keep_proof(const proof_place& at, const reuse_proof& proof) {
    const auto folder = core::make_private_folder(at.file.parent_path());
    if (!folder) {
        return folder.error().message;
    }
    if (core::is_newer_format(at.file, "format", proof_format)) {
        return core::newer_format(at.file).message;
    }
    const std::string text = text_of({.proof = proof, .package = at.package.string(), .version = at.version});
    const auto written = core::replace_private_file(
        at.file, {.text = text, .mode = 0600, .owner = ::geteuid(), .group = ::getegid()});
    return written ? std::string{} : written.error().message.text();
}

std::size_t remove_stale_proofs(const fs::path& folder) {
    std::vector<fs::path> found;
    std::error_code unreadable;
    fs::directory_iterator entry(folder, unreadable);
    for (std::size_t seen = 0; !unreadable && entry != fs::directory_iterator() && seen < most_kept; ++seen) {
        if (is_name_of_ours(entry->path().filename().string())) {
            found.push_back(entry->path());
        }
        entry.increment(unreadable);
    }
    std::size_t removed = 0;
    for (const fs::path& file : found) {
        const auto kept = core::read_private_file(file);
        const auto known = kept ? proof_of(kept->text) : std::nullopt;
        const bool newer = core::is_newer_format(file, "format", proof_format);
        if (!kept || newer || (known && fs::exists(known->package, unreadable)) || unreadable) {
            continue;  // what can't be looked at stays
        }
        std::error_code stays;
        removed += fs::remove(file, stays) ? 1 : 0;
    }
    return removed;
}

}  // namespace corral::engine::ax_poll
