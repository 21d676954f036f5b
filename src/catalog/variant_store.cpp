#include "corral/catalog/variant_store.hpp"

#include <algorithm>
#include <csignal>
#include <fstream>
#include <optional>
#include <utility>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include "corral/catalog/package_survey.hpp"
#include "corral/catalog/whole_file.hpp"

namespace corral::catalog {

namespace {

namespace fs = std::filesystem;
namespace asio = core::asio;
using outcome = core::result<void>;

constexpr std::string_view ending = ".json";

// The digits at a file name's end that keep names apart which look alike without their odd characters.
constexpr std::size_t mark_digits = 16;
constexpr std::size_t readable_part = 100;

core::failure unusable(const fs::path& folder, const std::error_code& why) {
    return core::errno_failure(
        why.value(),
        "the folder '" + folder.string() + "' for models made by clients cannot be used: " + why.message());
}

// Signals are for the loop's thread, and a thread takes over the mask of the one that starts it.
class without_signals {
public:
    without_signals() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    without_signals(const without_signals&) = delete;
    without_signals& operator=(const without_signals&) = delete;
    ~without_signals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_{};
};

outcome guarded(const std::function<outcome()>& work) {
    try {
        return work();
    } catch (const std::exception& error) {
        return core::make_failure(core::errc::internal, std::string("the disk: ") + error.what());
    }
}

}  // namespace

// One thread, so that writes keep their order and two of one file never meet.
struct variant_store::disk_thread {
    disk_thread() {
        const without_signals while_it_starts;
        pool.emplace(1);
    }
    std::optional<asio::thread_pool> pool;
};

variant_store::variant_store(fs::path folder, variant_store_limits limits)
    : folder_(std::move(folder)), limits_(limits) {}

variant_store::~variant_store() {
    if (thread_) {
        thread_->pool->join();
    }
}

core::result<std::unique_ptr<variant_store>> variant_store::open(fs::path folder,
                                                                 variant_store_limits limits) {
    std::unique_ptr<variant_store> out(new variant_store(std::move(folder), limits));
    if (const outcome read = out->read(); !read) {
        return read.error();
    }
    return out;
}

outcome variant_store::read() {
    std::error_code error;
    const bool made = fs::create_directories(folder_, error);
    if (!error && made) {
        fs::permissions(folder_, fs::perms::owner_all, error);
    }
    std::vector<fs::path> files;
    fs::directory_iterator walk;
    if (!error) {
        walk = fs::directory_iterator(folder_, error);
    }
    while (!error && walk != fs::directory_iterator()) {
        files.push_back(walk->path());
        walk.increment(error);
    }
    if (error) {
        return unusable(folder_, error);
    }
    std::sort(files.begin(), files.end());
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
    if (names_.size() >= limits_.count) {
        warnings_.push_back("'" + path.string() + "' is one too many: at most " +
                            std::to_string(limits_.count) + " are read");
        return;
    }
    std::ifstream in(path, std::ios::binary);
    std::string text(static_cast<std::size_t>(size), '\0');
    in.read(text.data(), static_cast<std::streamsize>(size));
    if (!in) {
        warnings_.push_back("'" + path.string() + "' cannot be read");
        return;
    }
    names_.insert(path.filename().string());
    found_.push_back({path.filename().string(), std::move(text)});
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

core::awaitable<outcome> variant_store::save(std::string name, std::string document) {
    if (document.size() > limits_.document_bytes) {
        co_return core::make_failure(core::errc::limit_exceeded, "a model may hold at most " +
                                                                     std::to_string(limits_.document_bytes) +
                                                                     " bytes of texts and messages");
    }
    const std::string own = file_name(name);
    const bool is_new = !names_.contains(own);
    if (is_new && names_.size() >= limits_.count) {
        co_return core::make_failure(
            core::errc::limit_exceeded,
            "there are " + std::to_string(limits_.count) + " models made by clients already: delete some");
    }
    names_.insert(own);
    std::function<outcome()> work = [path = folder_ / own, text = std::move(document)] {
        return write_whole_file(path, text);
    };
    outcome done = co_await perform(std::move(work));
    if (done) {
        names_.insert(own);
    } else if (is_new) {
        names_.erase(own);
    }
    co_return done;
}

core::awaitable<outcome> variant_store::remove(std::string name) {
    const std::string own = file_name(name);
    std::function<outcome()> work = [path = folder_ / own] { return remove_file(path); };
    outcome done = co_await perform(std::move(work));
    if (done) {
        names_.erase(own);
    }
    co_return done;
}

core::awaitable<outcome> variant_store::perform(std::function<outcome()> work) {
    if (!thread_) {
        thread_ = std::make_unique<disk_thread>();
    }
    const auto begin = [pool = &*thread_->pool](auto handler, std::function<outcome()> todo) {
        auto home = asio::make_work_guard(asio::get_associated_executor(handler));
        auto there = [handler = std::move(handler), todo = std::move(todo),
                      home = std::move(home)]() mutable {
            auto back = [handler = std::move(handler), done = guarded(todo)]() mutable {
                std::move(handler)(std::move(done));
            };
            asio::dispatch(home.get_executor(), std::move(back));
        };
        asio::post(*pool, std::move(there));
    };
    outcome done = co_await asio::async_initiate<const asio::use_awaitable_t<>, void(outcome)>(
        begin, asio::use_awaitable, std::move(work));
    co_return done;
}

}  // namespace corral::catalog
