#include "pull/source_list.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>

#include "corral/core/owned_fd.hpp"
#include "corral/core/say.hpp"
#include "corral/package/checksum_list.hpp"
#include "corral/package/package_tree.hpp"

namespace corral::pull {

namespace {

namespace fs = std::filesystem;
using core::errc;
using core::make_failure;

constexpr unsigned unreachable_attempts = 4;
constexpr std::size_t most_pages = 64;
constexpr std::size_t most_listed = 20'000;
constexpr std::size_t most_page_bytes = 16UL * 1024 * 1024;
constexpr std::size_t most_commit_bytes = 16UL * 1024 * 1024;  // a repository's page lists its files as well

core::result<source_listing> list_hub(const package_source& source, const std::string& endpoint, fetcher& by,
                                      const fetch_place& place) {
    const std::string what = "'" + source.location + "'";
    const std::string begin = endpoint + "/api/models/" + url_path(source.location);
    const std::string revision = source.revision.empty() ? "main" : source.revision;
    auto said = fetch_text(by, place, {begin + "/revision/" + url_path(revision), 0, {}, false}, what,
                           most_commit_bytes);
    if (!said) {
        return said.error();
    }
    auto commit = parse_commit(said->first);
    if (!commit) {
        return commit.error();
    }
    source_listing out{std::move(*commit), {}};
    std::string page = begin + "/tree/" + out.commit + "?recursive=true&expand=false";
    for (std::size_t count = 0; !page.empty(); ++count) {
        const auto parts = parse_url(page);
        if (count == most_pages || !parts || *parts != place.source) {
            return make_failure(errc::protocol, core::say("pull.list"));
        }
        auto text =
            fetch_text(by, place, {page, 0, {}, false}, "the list of files of " + what, most_page_bytes);
        if (!text) {
            return text.error();
        }
        auto files = parse_tree_page(text->first);
        if (!files) {
            return files.error();
        }
        if (files->size() > most_listed - out.files.size()) {
            return make_failure(errc::limit_exceeded,
                                core::say("pull.bad-package/repository-files", what, most_listed));
        }
        std::move(files->begin(), files->end(), std::back_inserter(out.files));
        page = next_page(text->second.field("link"));
    }
    return out;
}

core::result<source_listing> of_checksums(std::string_view text) {
    auto list = package::parse_checksum_list(text);
    if (!list) {
        return list.error();
    }
    source_listing out;
    for (package::listed_file& one : *list) {
        out.files.push_back({std::move(one.path), std::nullopt, std::move(one.sha256), {}});
    }
    return out;
}

constexpr std::size_t longest_signature = std::size_t{64} * 1024;

// A server may answer any name with a page of its own.
bool is_signature(std::string_view ending, std::string_view text) {
    if (ending == ".minisig") {
        return text.starts_with("untrusted comment:");
    }
    const bool binary = !text.empty() && (static_cast<unsigned char>(text.front()) & 0x80U) != 0;
    return text.starts_with("-----BEGIN PGP") || (ending != ".asc" && binary);
}

core::result<void> add_text(source_listing& to, const std::string& path, std::string_view text) {
    package::sha256_sum sum;
    sum.feed(text);
    auto hex = sum.hex();
    if (!hex) {
        return hex.error();
    }
    std::erase_if(to.files, [&](const source_file& one) { return one.path == path; });
    to.files.push_back({path, text.size(), *std::move(hex), {}});
    return {};
}

// A signed list goes along with its signatures, for the import to judge. `read`: the text of that file;
// empty where there is none.
template <typename Read>
core::result<void> add_signatures(source_listing& to, std::string_view list, const Read& read) {
    const std::string name(package::checksum_list_name);
    bool is_signed = false;
    for (const std::string_view ending : package::signature_endings) {
        const std::string path = name + std::string(ending);
        const core::result<std::string> text = read(path);
        if (!text) {
            return text.error();
        }
        if (is_signature(ending, *text)) {
            is_signed = true;
            if (auto added = add_text(to, path, *text); !added) {
                return added;
            }
        }
    }
    return is_signed ? add_text(to, name, list) : core::result<void>();
}

// Empty where the server has none, or a page of its own that is no signature by its length.
core::result<std::string> fetch_signature(const package_source& source, fetcher& by, const fetch_place& place,
                                          const std::string& path) {
    constexpr unsigned client_error = 400;
    constexpr unsigned server_error = 500;
    constexpr std::array<unsigned, 2> later{408, 429};
    const fetch_request asked{source.location + path, 0, {}, false};
    std::string text;
    bool is_long = false;
    fetch_sink sink;
    sink.begin = [](const fetch_answer&) { return core::result<void>(); };
    sink.take = [&](std::string_view bytes) -> core::result<void> {
        is_long = bytes.size() > longest_signature - text.size();
        if (is_long) {
            return make_failure(errc::limit_exceeded, core::say("pull.list/sends-list", path));
        }
        text += bytes;
        return {};
    };
    const fetch_end end = by.get(asked, sink);
    const unsigned status = !end.good && end.bad.what == trouble::status ? end.bad.status : 0;
    const bool refused =
        status >= client_error && status < server_error && std::ranges::find(later, status) == later.end();
    if (is_long || (refused && !end.fatal && !end.stopped)) {
        return std::string();
    }
    if (end.good) {
        return text;
    }
    auto again = fetch_text(by, place, asked, "its signature " + path, longest_signature);
    return again ? core::result<std::string>(std::move(again->first)) : again.error();
}

core::result<source_listing> list_folder(const package_source& source, fetcher& by,
                                         const fetch_place& place) {
    const std::string name(package::checksum_list_name);
    auto text = fetch_text(by, place, {source.location + name, 0, {}, false}, "its list " + name,
                           package::longest_checksum_list);
    if (!text) {
        return text.error();
    }
    auto out = of_checksums(text->first);
    if (!out) {
        return out;
    }
    // The room is judged before the first byte. A server that does not report sizes is taken as it is.
    for (source_file& file : out->files) {
        if (place.stop->load()) {
            return stopped_failure();
        }
        const fetch_end end = by.get({source.location + url_path(file.path), 0, {}, true}, {});
        if (end.fatal) {
            return *end.fatal;
        }
        file.size = end.good ? end.answer.length : std::nullopt;
        // One that leaves such a question open would do so for each file, and each costs the whole patience.
        if (!end.good && end.bad.what == trouble::silence) {
            break;
        }
    }
    const auto added = add_signatures(
        *out, text->first, [&](const std::string& path) { return fetch_signature(source, by, place, path); });
    return added ? std::move(out) : added.error();
}

core::result<source_listing> list_local(const package_source& source) {
    const fs::path folder = source.location;
    const fs::path list = folder / package::checksum_list_name;
    const core::owned_fd handle(::open(list.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    auto text =
        handle.valid() ? core::read_all(handle.get(), package::longest_checksum_list + 1) : std::nullopt;
    if (!text) {
        return core::errno_failure(errno, core::say("pull.list/read-folder", list.string(),
                                                    boost::system::system_category().message(errno)));
    }
    auto out = of_checksums(*text);
    if (!out) {
        return out;
    }
    for (source_file& file : out->files) {
        struct stat facts {};
        if (::lstat((folder / file.path).c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) {
            return make_failure(errc::not_found,
                                core::say("pull.list/list-sha", (folder / file.path).string()));
        }
        file.size = static_cast<std::uint64_t>(facts.st_size);
    }
    const auto added = add_signatures(*out, *text, [&](const std::string& path) -> core::result<std::string> {
        const core::owned_fd file(
            ::open((folder / path).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW));
        auto read = file.valid() ? core::read_all(file.get(), longest_signature) : std::nullopt;
        return read ? *std::move(read) : std::string();
    });
    return added ? std::move(out) : added.error();
}

}  // namespace

bool pause(core::milliseconds span, const std::atomic<bool>& stop, const std::function<void()>& each) {
    const auto until = std::chrono::steady_clock::now() + span;
    constexpr core::milliseconds step{50};
    while (!stop.load() && std::chrono::steady_clock::now() < until) {
        if (each) {
            each();
        }
        std::this_thread::sleep_for(step);
    }
    return !stop.load();
}

core::failure stopped_failure() {
    return make_failure(errc::cancelled, core::say("pull.stopped"));
}

core::failure given_up(const fetch_end& end, const std::string& what, bool had_token, bool keeps) {
    if (end.stopped) {
        return stopped_failure();
    }
    if (end.fatal) {
        return *end.fatal;
    }
    if (end.bad.what == trouble::status) {
        return refusal(end.bad.status, end.error_code, what, had_token);
    }
    return make_failure(errc::unavailable, keeps ? core::say("pull.cut/kept", what, end.why)
                                                 : core::say("pull.cut/nothing-kept", what, end.why));
}

core::result<std::pair<std::string, fetch_answer>> fetch_text(fetcher& by, const fetch_place& place,
                                                              const fetch_request& request,
                                                              const std::string& name, std::size_t most) {
    core::system_random random;
    retry_state state;
    while (true) {
        std::string text;
        fetch_sink sink;
        sink.begin = [](const fetch_answer&) { return core::result<void>(); };
        sink.take = [&](std::string_view bytes) -> core::result<void> {
            if (bytes.size() > most - text.size()) {
                return make_failure(errc::limit_exceeded, core::say("pull.list/sends-list", name));
            }
            text += bytes;
            return {};
        };
        const fetch_end end = by.get(request, sink);
        if (end.good) {
            return std::pair(std::move(text), end.answer);
        }
        bad_end bad = end.bad;
        bad.progress = false;  // of a text there is no second half
        // Who asks for the list waits before a silent screen: an unreachable source is reported soon.
        retry_limits limits;
        limits.without_progress =
            bad.what == trouble::status ? limits.without_progress : unreachable_attempts;
        const auto wait = end.fatal || end.stopped ? std::nullopt : next_attempt(state, bad, random, limits);
        if (!wait) {
            return given_up(end, name, !place.token.empty(), false);
        }
        if (!pause(*wait, *place.stop, place.waits)) {
            return stopped_failure();
        }
    }
}

core::result<source_listing> list_source(const package_source& source, const std::string& endpoint,
                                         fetcher* by, const fetch_place& place) {
    switch (source.kind) {
        case source_kind::hub:
            return list_hub(source, endpoint, *by, place);
        case source_kind::folder:
            return list_folder(source, *by, place);
        case source_kind::local:
            return list_local(source);
    }
    return make_failure(errc::internal, core::say("pull.list/source-unknown"));
}

std::string file_address(const package_source& source, const std::string& endpoint, const std::string& commit,
                         const std::string& path) {
    switch (source.kind) {
        case source_kind::hub:
            return endpoint + "/" + url_path(source.location) + "/resolve/" + commit + "/" + url_path(path);
        case source_kind::folder:
            return source.location + url_path(path);
        case source_kind::local:
            return (fs::path(source.location) / path).string();
    }
    return {};
}

}  // namespace corral::pull
