#include "corral/pull/pull_package.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "corral/core/owned_fd.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/package/checksum_list.hpp"
#include "corral/package/package_tree.hpp"
#include "pull/fetcher.hpp"
#include "pull/file_fetch.hpp"
#include "pull/file_plan.hpp"
#include "pull/part_file.hpp"
#include "pull/room_policy.hpp"
#include "pull/source_list.hpp"
#include "pull/work_place.hpp"

namespace corral::pull {

namespace {

namespace fs = std::filesystem;
using core::errc;
using core::make_failure;

using teller = std::function<void(const pull_progress&)>;

core::result<fetch_place> open_place(const pull_request& request, const std::atomic<bool>& stop) {
    fetch_place out;
    out.stop = &stop;
    if (request.source.kind == source_kind::local) {
        return out;
    }
    const auto curl = load_curl();
    if (!curl) {
        return curl.error();
    }
    out.curl = *curl;
    const bool hub = request.source.kind == source_kind::hub;
    const auto parts = parse_url(hub ? request.settings.endpoint : request.source.location);
    if (!parts) {
        return make_failure(errc::invalid, core::say("pull.name/source-address"));
    }
    out.source = *parts;
    // Never in the clear, where others on the way could read it.
    out.token = hub && out.source.scheme == "https" ? request.token : std::string();
    out.certificates = request.certificates;
    out.proxies = proxies_of_environment();
    out.patience = request.patience;
    out.speed_limit = request.settings.speed_limit;
    return out;
}

bool may_be_quantization(const package_source& source, const core::failure& why) {
    return source.kind == source_kind::hub && source.revision != "main" && source.include.empty() &&
           why.code == core::make_error_code(errc::not_found);
}

core::result<listed_plan> list_and_plan(const pull_request& request, const fetch_place& place,
                                        rate_limiter& limiter) {
    core::result<source_listing> listing = source_listing{};
    if (place.curl == nullptr) {
        fetcher* const none = nullptr;
        listing = list_source(request.source, request.settings.endpoint, none, place);
    } else {
        fetcher by(place, limiter);
        listing = list_source(request.source, request.settings.endpoint, &by, place);
    }
    package_source source = request.source;
    if (!listing && may_be_quantization(source, listing.error())) {
        // "REPO-GGUF:Q4_K_M", as users of Ollama type it: no revision, but a part of a file's name.
        const std::string wanted = core::lower_case(std::exchange(source.revision, "main"));
        fetcher by(place, limiter);
        auto main = list_source(source, request.settings.endpoint, &by, place);
        for (const source_file& file : main ? main->files : std::vector<source_file>()) {
            const std::string name = core::lower_case(file.path);
            if (name.ends_with(".gguf") && name.find(wanted) != std::string::npos) {
                source.include.push_back(file.path);
            }
        }
        listing = source.include.empty() ? std::move(listing) : std::move(main);
    }
    if (!listing) {
        return listing.error();
    }
    auto plan = plan_files(source, std::move(listing->files));
    if (!plan) {
        return plan.error();
    }
    std::string digest = plan_digest(*plan);
    return listed_plan{std::move(listing->commit), std::move(*plan), std::move(digest)};
}

std::uint64_t free_bytes(fs::path at) {
    struct statvfs facts {};
    while (::statvfs(at.c_str(), &facts) != 0 && at.has_relative_path()) {
        at = at.parent_path();  // what is not there is made on the disk of the folder above
    }
    return static_cast<std::uint64_t>(facts.f_bavail) * facts.f_frsize;
}

std::vector<removable_package> pulled_before(const fs::path& directory) {
    constexpr std::size_t most = 1000;
    std::vector<removable_package> out;
    std::error_code error;
    for (fs::directory_iterator it(directory, error), end; !error && it != end && out.size() < most;
         it.increment(error)) {
        if (const auto marker = read_marker(it->path())) {
            std::uint64_t bytes = 0;
            for (const expected_file& file : marker->files) {
                bytes += std::min(file.size.value_or(0), UINT64_MAX - bytes);
            }
            out.push_back({it->path().filename().string(), bytes});
        }
    }
    return out;
}

std::uint64_t size_at(const fs::path& file) {
    struct stat facts {};
    const bool plain = ::lstat(file.c_str(), &facts) == 0 && S_ISREG(facts.st_mode);
    return plain ? static_cast<std::uint64_t>(facts.st_size) : 0;
}

room_facts room_of(const pull_request& request, const file_plan& plan, const fs::path& target,
                   const std::function<std::uint64_t(const source_file&)>& here) {
    room_facts out;
    out.directory = request.settings.directory.string();
    for (const source_file& file : plan.files) {
        const std::uint64_t size = file.size.value_or(0);
        const bool there = file.size && size_at(target / file.path) == size;
        const std::uint64_t have = there ? size : std::min(here(file), size);
        out.needed += size - have;
        out.files += have < size ? 1 : 0;
    }
    out.free = free_bytes(request.settings.directory);
    out.quota = request.settings.quota;
    for (removable_package& one : pulled_before(request.settings.directory)) {
        if (one.folder != target.filename()) {
            out.used += one.bytes;
            out.removable.push_back(std::move(one));
        }
    }
    return out;
}

// A folder of that name that no pull made belongs to a user.
core::result<void> check_target(const fs::path& target) {
    std::error_code error;
    if (!fs::exists(fs::symlink_status(target, error)) || read_marker(target)) {
        return {};
    }
    return make_failure(errc::refused, core::say("pull.in-the-way/pull-made", target.string()));
}

pull_progress progress_of(const listed_plan& plan, pull_progress::phase at, std::uint64_t completed) {
    return {at, plan.digest, std::max(plan.plan.bytes, completed), completed, {}};
}

// What lay in the package before and is the same goes into the stage by another name, or as a copy.
core::result<void> take_over(const file_plan& plan, const std::vector<fetched_file>& got,
                             const fs::path& target, const fs::path& stage) {
    for (std::size_t i = 0; i < got.size(); ++i) {
        if (!got[i].in_target) {
            continue;
        }
        const fs::path from = target / plan.files[i].path;
        const fs::path to = stage / plan.files[i].path;
        std::error_code error;
        fs::create_directories(to.parent_path(), error);
        fs::remove(to, error);
        if (::link(from.c_str(), to.c_str()) != 0) {
            fs::copy_file(from, to, error);
            if (error) {
                return core::errno_failure(error.value(),
                                           core::say("pull.disk/copy-make", from.string(), error.message()));
            }
        }
    }
    return {};
}

pulled_marker marker_of(const pull_request& request, const listed_plan& plan,
                        const std::vector<fetched_file>& got) {
    pulled_marker out{request.name, request.source.kind, request.source.location, plan.commit, {}};
    for (std::size_t i = 0; i < got.size(); ++i) {
        out.files.push_back({plan.plan.files[i].path, got[i].size, got[i].sha256});
    }
    return out;
}

// For the machine that it is carried to.
core::result<void> write_checksums(const fs::path& stage, const pulled_marker& marker) {
    std::string text;
    for (const expected_file& file : marker.files) {
        text += file.path == package::checksum_list_name ? "" : file.sha256 + "  " + file.path + "\n";
    }
    constexpr mode_t mode = 0644;
    const fs::path file = stage / package::checksum_list_name;
    const core::owned_fd handle(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
    if (!handle.valid() || !core::write_all(handle.get(), text) || ::fsync(handle.get()) != 0) {
        return disk_failure(file, "write", errno);
    }
    return {};
}

// Its maker's own list, whose signature another one would not have.
bool has_signed_list(const pulled_marker& marker) {
    return std::ranges::any_of(marker.files, [](const expected_file& file) {
        return std::ranges::any_of(package::signature_endings, [&](std::string_view ending) {
            return file.path == std::string(package::checksum_list_name) + std::string(ending);
        });
    });
}

core::result<pulled> put_in_place(const pull_request& request, const listed_plan& plan,
                                  const std::vector<fetched_file>& got, const fs::path& target,
                                  work_place& work) {
    pulled out{target, true, {}, 0, {}, {}};
    for (const fetched_file& each : got) {
        out.was_there = out.was_there && each.in_target;
        out.bytes += each.size;
    }
    const pulled_marker marker = marker_of(request, plan, got);
    const auto before = read_marker(target);
    const bool recorded = request.with_marker ? before && before->files.size() == got.size()
                                              : size_at(target / package::checksum_list_name) > 0;
    out.was_there = out.was_there && recorded;
    if (!out.was_there) {
        if (auto done = take_over(plan.plan, got, target, work.stage()); !done) {
            return done.error();
        }
        if (!request.with_marker && !has_signed_list(marker)) {
            if (auto done = write_checksums(work.stage(), marker); !done) {
                return done.error();
            }
        }
        auto kept = work.place(target, marker, request.with_marker);
        if (!kept) {
            return kept.error();
        }
        out.kept = std::move(*kept);
    }
    const bool replaced = !out.was_there && before && out.kept.empty();
    const std::shared_ptr<const work_place> held = work_place::finish(std::move(work));
    out.held = held;
    if (replaced) {
        out.go_back = [held, target] { return held->go_back(target); };
    }
    return out;
}

bool is_tokenizer_script(const source_file& file) {
    const std::string_view path = file.path;
    const std::string name = core::lower_case(path.substr(path.rfind('/') + 1));
    return name.ends_with(".py") && name.find("tokenizer") != std::string::npos;
}

// Asked for once: what can't be had now is reported when it is fetched.
std::string text_of_script(const pull_request& request, const listed_plan& listed, const fetch_place& place,
                           rate_limiter& limiter, const source_file& file) {
    constexpr std::size_t most = 256UL * 1024;
    if (file.size.value_or(0) > most) {
        return {};
    }
    const std::string address =
        file_address(request.source, request.settings.endpoint, listed.commit, file.path);
    std::string text;
    if (place.curl == nullptr) {
        const core::owned_fd handle(::open(address.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW));
        auto read = handle.valid() ? core::read_all(handle.get(), most) : std::nullopt;
        return read ? std::move(*read) : text;
    }
    fetch_sink sink;
    sink.begin = [](const fetch_answer&) { return core::result<void>(); };
    sink.take = [&](std::string_view bytes) -> core::result<void> {
        if (bytes.size() > most - text.size()) {
            return make_failure(errc::limit_exceeded, core::say("pull.list/source-sends", file.path));
        }
        text += bytes;
        return {};
    };
    fetcher by(place, limiter);
    return by.get({address, 0, {}, false}, sink).good ? text : std::string();
}

pull_plan plan_of(const pull_request& request, const listed_plan& listed, const fetch_place& place,
                  rate_limiter& limiter) {
    constexpr std::size_t most_scripts = 4;
    pull_plan out;
    out.folder = request.settings.directory / folder_name(request.source);
    out.commit = listed.commit;
    out.total = listed.plan.bytes;
    const fs::path root = request.settings.directory / parts_folder / folder_name(request.source);
    const room_facts room = room_of(request, listed.plan, out.folder,
                                    [&](const source_file& file) { return bytes_at(root, file); });
    out.missing = room.needed;
    if (auto fits = judge_room(room); !fits) {
        out.room_problem = fits.error().message;
    }
    for (const source_file& file : listed.plan.files) {
        out.files.push_back({file.path, file.size, file.sha256});
        if (out.missing > 0 && out.scripts.size() < most_scripts && is_tokenizer_script(file)) {
            out.scripts.emplace_back(file.path, text_of_script(request, listed, place, limiter, file));
        }
    }
    return out;
}

// The source may have become another while it was asked.
bool may_have_changed(const core::failure& why) {
    return why.code == core::make_error_code(errc::not_found) ||
           why.code == core::make_error_code(errc::protocol);
}

}  // namespace

core::result<pull_plan> plan_pull(const pull_request& request, const std::atomic<bool>& stop) {
    const auto place = open_place(request, stop);
    if (!place) {
        return place.error();
    }
    rate_limiter limiter(place->speed_limit);
    const auto listed = list_and_plan(request, *place, limiter);
    if (!listed) {
        return listed.error();
    }
    return plan_of(request, *listed, *place, limiter);
}

core::result<pulled> pull_package(const pull_request& request, const teller& tell,
                                  const std::atomic<bool>& stop) {
    auto place = open_place(request, stop);
    if (!place) {
        return place.error();
    }
    // A source may ask for minutes of patience, and whoever runs this ends what is silent for so long.
    place->waits = [&] { tell({pull_progress::phase::listing, {}, 0, 0, {}}); };
    const std::string folder = folder_name(request.source);
    const fs::path target = request.settings.directory / folder;
    if (auto fine = check_target(target); request.with_marker && !fine) {
        return fine.error();
    }
    place->waits();
    rate_limiter limiter(place->speed_limit);
    auto listed = list_and_plan(request, *place, limiter);
    if (!listed) {
        return listed.error();
    }
    auto work = work_place::open(
        request.settings.directory, folder,
        [&](std::string_view line) {
            pull_progress one = progress_of(*listed, pull_progress::phase::waiting, 0);
            one.other = line;
            tell(one);
        },
        stop);
    if (!work) {
        return work.error();
    }
    if (request.planned) {
        request.planned(plan_of(request, *listed, *place, limiter));
    }
    const auto rescued = work->rescue(target);
    if (!rescued) {
        return rescued.error();
    }
    constexpr int most_changes = 3;
    for (int changes = 0;; ++changes) {
        work->begin(source_text(request.source), listed->commit);
        work->keep_only(listed->plan.files);
        const auto room = judge_room(room_of(request, listed->plan, target,
                                             [&](const source_file& file) { return work->bytes_of(file); }));
        if (!room) {
            return room.error();
        }
        crew fetching(request, *place, limiter, *work, *listed, target);
        auto got = fetching.run(
            [&](std::uint64_t completed) {
                tell(progress_of(
                    *listed,
                    fetching.fetches() ? pull_progress::phase::fetching : pull_progress::phase::checking,
                    completed));
                work->tell(std::to_string(completed) + " " + std::to_string(listed->plan.bytes));
            },
            stop);
        if (got) {
            tell(progress_of(*listed, pull_progress::phase::verifying, listed->plan.bytes));
            tell(progress_of(*listed, pull_progress::phase::placing, listed->plan.bytes));
            auto done = put_in_place(request, *listed, *got, target, *work);
            if (done && done->kept.empty()) {
                done->kept = *rescued;
            }
            return done;
        }
        if (!may_have_changed(got.error()) || changes == most_changes) {
            return got.error();
        }
        auto again = list_and_plan(request, *place, limiter);
        if (!again || (again->digest == listed->digest && again->commit == listed->commit)) {
            return got.error();
        }
        listed = std::move(again);
    }
}

}  // namespace corral::pull
