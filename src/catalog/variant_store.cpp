#include "corral/catalog/variant_store.hpp"

#include <algorithm>
#include <fstream>
#include <utility>

#include "corral/catalog/package_survey.hpp"
#include "corral/catalog/whole_file.hpp"
#include "corral/core/say.hpp"
#include "corral/core/state_format.hpp"

namespace corral::catalog {

namespace {

namespace fs = std::filesystem;
using outcome = core::result<void>;

constexpr std::string_view ending = ".json";

// The digits at a file name's end that keep names apart which look alike without their odd characters.
constexpr std::size_t mark_digits = 16;
constexpr std::size_t readable_part = 100;

core::failure unusable(const fs::path& folder, const std::error_code& why) {
    return core::errno_failure(
        why.value(), core::say("daemon.variant-left-out/folder-models", folder.string(), why.message()));
}

// Where it is not there.
std::error_code make_folder(const fs::path& folder) {
    std::error_code error;
    const bool made = fs::create_directories(folder, error);
    if (!error && made) {
        fs::permissions(folder, fs::perms::owner_all, error);
    }
    return error;
}

core::failure too_many(std::string what) {
    return core::make_failure(core::errc::limit_exceeded,
                              core::say("daemon.variant-left-out/delete-some", what));
}

std::string mebibytes(std::uint64_t bytes) {
    constexpr std::uint64_t mebibyte = 1024 * 1024;
    return bytes < mebibyte ? std::to_string(bytes) + " bytes" : std::to_string(bytes / mebibyte) + " MiB";
}

std::uint64_t less(std::uint64_t from, std::uint64_t what) {
    return from - std::min(from, what);
}

}  // namespace

outcome judge_variant(const variant_store_limits& limits, variant_usage own, variant_usage others,
                      std::size_t bytes, std::optional<std::uint64_t> replaced) {
    if (bytes > limits.document_bytes) {
        return core::make_failure(core::errc::limit_exceeded,
                                  core::say("request.variant-full/model-hold", limits.document_bytes));
    }
    if (replaced && bytes <= *replaced) {
        return {};
    }
    const std::size_t count = own.count + others.count;
    if (count >= limits.count) {
        return too_many(core::say("request.variant-full/there", count));
    }
    if (own.bytes + others.bytes + bytes > limits.all_bytes) {
        return too_many(core::say("request.variant-full/models", mebibytes(limits.all_bytes)));
    }
    if (own.count + 1 > (less(limits.count, others.count) + 1) / 2) {
        return too_many(core::say("request.variant-full/you", own.count));
    }
    if (own.bytes + bytes > (less(limits.all_bytes, others.bytes) + 1) / 2) {
        return too_many(core::say("request.variant-full/your", mebibytes(own.bytes)));
    }
    return {};
}

core::failure variant_store::no_thread() {
    return core::make_failure(core::errc::unavailable, core::say("files.disk/no-thread"));
}

core::failure variant_store::thrown(const std::exception& error) {
    return core::make_failure(core::errc::internal, core::say("files.disk/thrown", error.what()));
}

variant_store::variant_store(fs::path folder, variant_store_limits limits)
    : folder_(std::move(folder)), limits_(limits) {}

variant_store::~variant_store() = default;

core::result<std::unique_ptr<variant_store>> variant_store::open(fs::path folder,
                                                                 variant_store_limits limits) {
    std::unique_ptr<variant_store> out(new variant_store(std::move(folder), limits));
    if (const outcome read = out->read(); !read) {
        return read.error();
    }
    return out;
}

outcome variant_store::read() {
    std::error_code error = make_folder(folder_);
    if (error) {
        return unusable(folder_, error);
    }
    std::vector<fs::path> files;
    for (fs::directory_iterator walk(folder_, error), end; !error && walk != end; walk.increment(error)) {
        files.push_back(walk->path());
    }
    if (error) {
        return unusable(folder_, error);
    }
    std::ranges::sort(files);
    for (const fs::path& each : files) {
        const std::string name = each.filename().string();
        if (name.ends_with(std::string(ending) + std::string(unfinished_ending))) {
            fs::remove(each, error);  // if it can't go it does no harm
        } else if (name.ends_with(ending)) {
            read_file(each);
        }
    }
    return {};
}

void variant_store::read_file(const fs::path& path) {
    std::error_code error;
    if (!fs::is_regular_file(fs::symlink_status(path, error))) {
        warnings_.push_back("'" + path.string() + "' is not a file");
        return;
    }
    const auto size = fs::file_size(path, error);
    if (error || size > limits_.document_bytes) {
        warnings_.push_back("'" + path.string() + "' " +
                            (error ? "cannot be read: " + error.message()
                                   : "is longer than " + std::to_string(limits_.document_bytes) + " bytes"));
        return;
    }
    if (files_.size() >= limits_.count) {
        warnings_.push_back("'" + path.string() + "' is one too many: at most " +
                            std::to_string(limits_.count) + " are read");
        return;
    }
    std::ifstream in(path, std::ios::binary);
    std::string text(std::min<std::size_t>(size, limits_.head_bytes), '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (!in) {
        warnings_.push_back("'" + path.string() + "' cannot be read");
        return;
    }
    files_[path.filename().string()] = {size, {}};
    found_.push_back({path.filename().string(), std::move(text), size});
}

core::result<std::string> variant_store::document(const std::string& file_name) const {
    const fs::path path = folder_ / file_name;
    std::error_code error;
    const auto size = fs::file_size(path, error);
    std::string text(error || size > limits_.document_bytes ? 0 : static_cast<std::size_t>(size), '\0');
    std::ifstream in(path, std::ios::binary);
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (error || size > limits_.document_bytes || !in) {
        return core::make_failure(core::errc::unavailable,
                                  core::say("configuration.unreadable/cannot-read", path.string()));
    }
    return text;
}

void variant_store::belongs_to(const std::string& file_name, const std::string& client) {
    const auto found = files_.find(file_name);
    if (found != files_.end()) {
        found->second.client = client;
    }
}

std::string variant_store::file_name(std::string_view name) {
    std::string lower;
    std::string readable;
    for (const char c : name) {
        const char each = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
        const bool plain =
            (each >= 'a' && each <= 'z') || (each >= '0' && each <= '9') || each == '_' || each == '.';
        lower += each;
        readable += plain ? each : '-';
    }
    readable.resize(std::min(readable.size(), readable_part));
    if (readable.starts_with('.')) {
        readable.front() = '-';
    }
    const auto digest = sha256_hex(lower);
    const std::string mark = digest ? digest->substr(0, mark_digits) : std::string(mark_digits, '0');
    return readable.append("-").append(mark).append(ending);
}

outcome variant_store::judge(const std::string& own_file, const std::string& client,
                             std::size_t bytes) const {
    variant_usage own;
    variant_usage others;
    std::optional<std::uint64_t> replaced;
    for (const auto& [name, each] : files_) {
        if (name == own_file) {
            replaced = each.bytes;
            continue;
        }
        variant_usage& of = each.client == client ? own : others;
        ++of.count;
        of.bytes += each.bytes;
    }
    return judge_variant(limits_, own, others, bytes, replaced);
}

core::awaitable<outcome> variant_store::save(std::string name, std::string document, std::string client) {
    const std::string own = file_name(name);
    if (left_alone_.contains(own)) {
        co_return core::newer_format(own);
    }
    if (auto judged = judge(own, client, document.size()); !judged) {
        co_return judged;
    }
    const auto found = files_.find(own);
    const auto before = found == files_.end() ? std::nullopt : std::optional(found->second);
    const held now{document.size(), client};
    files_[own] = now;
    std::function<outcome()> write = [folder = folder_, own, text = std::move(document)]() -> outcome {
        if (const std::error_code error = make_folder(folder)) {
            return unusable(folder, error);
        }
        return write_whole_file(folder / own, text);
    };
    outcome done = co_await work(std::move(write));
    if (done) {
        files_[own] = now;
    } else if (before) {
        files_[own] = *before;
    } else {
        files_.erase(own);
    }
    co_return done;
}

core::awaitable<outcome> variant_store::remove(std::string name) {
    const std::string own = file_name(name);
    if (left_alone_.contains(own)) {
        co_return core::newer_format(own);
    }
    std::function<outcome()> unlink = [path = folder_ / own] { return remove_file(path); };
    outcome done = co_await work(std::move(unlink));
    if (done || done.error().code == boost::system::errc::no_such_file_or_directory) {
        files_.erase(own);
    }
    co_return done;
}

}  // namespace corral::catalog
