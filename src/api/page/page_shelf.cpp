#include "corral/api/page_shelf.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>

#include "corral/core/keyed_hash.hpp"
#include "corral/core/owned_fd.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/core/time.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::api {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_files = 128;  // with their compressed forms
constexpr std::size_t most_bytes = std::size_t{4} * 1024 * 1024;
constexpr std::string_view first_page = "index.html";
constexpr std::string_view compressed = ".gz";

struct kind {
    std::string_view ending;
    std::string_view content_type;
};
constexpr std::array<kind, 9> kinds{{
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".ico", "image/x-icon"},
    {".json", "application/json; charset=utf-8"},
    {".webmanifest", "application/manifest+json"},
    {".txt", "text/plain; charset=utf-8"},
}};

std::string_view type_of(std::string_view name) {
    const auto found =
        std::ranges::find_if(kinds, [&](const kind& one) { return name.ends_with(one.ending); });
    return found == kinds.end() ? std::string_view() : found->content_type;
}

bool is_plain_name(std::string_view name) {
    return !name.empty() && name.front() != '.' && std::ranges::all_of(name, [](char c) {
        return core::is_letter(c) || core::is_digit(c) || c == '-' || c == '_' || c == '.';
    });
}

// "app-3fA9_k2Q.js": what builds of pages write.
bool has_hash(std::string_view name) {
    constexpr std::size_t letters = 8;
    const auto dash = name.find('-');
    const auto dot = name.find('.');
    return dash != std::string_view::npos && dot != std::string_view::npos && dot > dash + letters;
}

std::string tag_of(std::string_view content) {
    core::keyed_hash hash({0, 0});  // no outsider chooses these files
    hash.feed(content);
    return std::to_string(hash.result());
}

core::failure unreadable(const fs::path& what, int value) {
    return core::path_failure("page.unreadable/file", what, value);
}

// Nothing: it is no regular file.
core::result<std::optional<std::string>> read_file(const fs::path& file, std::size_t most) {
    const core::owned_fd from(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat facts {};
    if (from.get() < 0 || ::fstat(from.get(), &facts) != 0) {
        return unreadable(file, errno);
    }
    if (!S_ISREG(facts.st_mode)) {
        return std::optional<std::string>();
    }
    if (facts.st_size > static_cast<off_t>(most)) {
        return unreadable(file, EFBIG);
    }
    auto text = core::read_all(from.get(), most);
    if (!text) {
        return unreadable(file, errno);
    }
    return text;
}

core::result<std::vector<std::string>> names_in(const fs::path& folder) {
    std::error_code error;
    std::vector<std::string> out;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
        std::string name = at->path().filename().string();
        const std::string_view shown = name.ends_with(compressed)
                                           ? std::string_view(name).substr(0, name.size() - compressed.size())
                                           : std::string_view(name);
        if (!is_plain_name(name) || type_of(shown).empty()) {
            continue;
        }
        if (out.size() >= most_files) {
            return unreadable(folder, EFBIG);
        }
        out.push_back(std::move(name));
    }
    if (error) {
        return unreadable(folder, error.value());
    }
    return out;
}

}  // namespace

core::result<page_files> read_page(const fs::path& folder) {
    const core::result<std::vector<std::string>> names = names_in(folder);
    if (!names) {
        return names.error();
    }
    page_files out;
    std::size_t left = most_bytes;
    for (const std::string& name : *names) {
        core::result<std::optional<std::string>> content = read_file(folder / name, left);
        if (!content) {
            return content.error();
        }
        if (!*content) {
            continue;
        }
        left -= (*content)->size();
        if (name.ends_with(compressed)) {
            out[name.substr(0, name.size() - compressed.size())].gzip = *std::move(*content);
        } else {
            page_file& one = out[name];
            one.tag = tag_of(**content);
            one.plain = *std::move(*content);
        }
    }
    std::erase_if(out, [](const auto& one) { return one.second.tag.empty(); });  // compressed forms alone
    for (auto& [name, one] : out) {
        one.content_type = type_of(name);
        one.lasts = has_hash(name);
    }
    return out;
}

namespace {

// A maker's own files; one that can't be read is logged, and leaves ours.
void dress(page_files& page, const fs::path& own) {
    std::error_code absent;
    if (own.empty() || !fs::is_directory(own, absent)) {
        return;
    }
    auto read = read_page(own);
    if (!read) {
        const core::reason said = core::say("page.unreadable/logo", read.error());
        telemetry::warn(said, "{} event=page.undressed", said);
        return;
    }
    for (const char* const name : {"logo.svg", "brand.css"}) {
        if (const auto found = read->find(name); found != read->end()) {
            page[name] = std::move(found->second);
        }
    }
}

}  // namespace

page_shelf::page_shelf(const std::vector<fs::path>& folders, fs::path own) : own_(std::move(own)) {
    for (const fs::path& one : folders) {
        std::error_code absent;
        if (folder_.empty() && fs::is_regular_file(one / first_page, absent)) {
            folder_ = one;
        }
    }
}

core::awaitable<core::result<std::shared_ptr<const page_files>>> page_shelf::files(core::steady_time now) {
    constexpr core::seconds patience{10};
    if (files_ != nullptr) {
        co_return files_;
    }
    using page = std::shared_ptr<const page_files>;
    const auto why = std::make_shared<core::failure>();  // set where there is no page
    auto reading = disk_.run<page>(
        "page",
        [folder = folder_, own = own_, why] {
            auto read = read_page(folder);
            if (!read) {
                *why = read.error();
                return page();
            }
            dress(*read, own);
            return std::make_shared<const page_files>(*std::move(read));
        },
        core::deadline::after(patience, now));
    core::result<page> read = co_await std::move(reading);
    if (read && *read == nullptr) {
        read = *why;
    }
    if (read) {
        files_ = *read;
    } else if (!std::exchange(warned_, true)) {
        const core::reason said = core::say("page.unreadable/page", read.error());
        telemetry::warn(said, "{} event=page.unreadable", said);
    }
    co_return read;
}

}  // namespace corral::api
