#include "corral/telemetry/crash_store.hpp"
#include "corral/core/files.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "corral/core/json.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/owned_fd.hpp"
#include "corral/core/say.hpp"
#include "corral/core/time.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::telemetry {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view ending = ".json";
constexpr std::string_view unfinished_ending = ".json.tmp";
constexpr std::size_t stamp_length = 23;  // "20261120T142130.123456Z"
constexpr std::size_t most_model_letters = 48;
constexpr std::uintmax_t largest_read = 4ULL * 1024 * 1024;

bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

// A digit where the stamp has one, and its own letters elsewhere.
bool begins_with_stamp(std::string_view name) {
    constexpr std::string_view shape = "00000000T000000.000000Z";
    static_assert(shape.size() == stamp_length);
    if (name.size() <= stamp_length) {
        return false;
    }
    for (std::size_t i = 0; i < stamp_length; ++i) {
        const bool digit = name[i] >= '0' && name[i] <= '9';
        if (shape[i] == '0' ? !digit : name[i] != shape[i]) {
            return false;
        }
    }
    return name[stamp_length] == '-';
}

bool is_ours(std::string_view name, std::string_view with_ending) {
    if (!begins_with_stamp(name) || !name.ends_with(with_ending)) {
        return false;
    }
    const std::string_view model =
        name.substr(stamp_length + 1, name.size() - with_ending.size() - stamp_length - 1);
    return std::ranges::all_of(model, is_plain);
}

struct listing {
    std::vector<std::string> whole;       // newest first
    std::vector<std::string> unfinished;  // left over
};

core::result<listing> list(const fs::path& folder) {
    std::error_code error;
    fs::directory_iterator walk(folder, error);
    if (error == std::errc::no_such_file_or_directory) {
        return listing{};
    }
    listing out;
    while (!error && walk != fs::directory_iterator()) {
        const std::string name = walk->path().filename().string();
        std::error_code gone;
        const bool file = fs::is_regular_file(walk->symlink_status(gone));
        if (file && is_ours(name, ending)) {
            out.whole.push_back(name);
        } else if (file && is_ours(name, unfinished_ending)) {
            out.unfinished.push_back(name);
        }
        walk.increment(error);
    }
    if (error) {
        return core::path_failure("command.bundle/list", folder, error.value());
    }
    std::ranges::sort(out.whole, std::greater<>());
    return out;
}

// 0, or an errno value.
int write_and_sync(const fs::path& path, std::string_view text) {
    core::owned_fd file(
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
    const bool done = file.valid() && core::write_all(file.get(), text) && ::fsync(file.get()) == 0;
    return done && file.close() ? 0 : errno;
}

core::result<void> write_whole(const fs::path& folder, const std::string& name, std::string_view text) {
    const fs::path path = folder / name;
    const fs::path unfinished = folder / (name + std::string(unfinished_ending.substr(ending.size())));
    int why = write_and_sync(unfinished, text);
    if (why == 0 && std::rename(unfinished.c_str(), path.c_str()) != 0) {
        why = errno;
    }
    if (why != 0) {
        ::unlink(unfinished.c_str());  // often not there; the failure to tell is the first one
        return core::path_failure("files.private/write", path, why);
    }
    // That its name may be lost with the power is no reason to call it not kept.
    const core::owned_fd opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (opened.valid()) {
        static_cast<void>(::fsync(opened.get()));
    }
    return {};
}

void prune(const fs::path& folder, const std::string& newest, const crash_limits& limits) {
    auto found = list(folder);
    if (!found) {
        return;
    }
    // Those of a clock that was ahead go first: they would take the place of all that comes until that day.
    std::stable_partition(found->whole.begin(), found->whole.end(),
                          [&](const std::string& name) { return name <= newest; });
    std::error_code error;
    for (const std::string& name : found->unfinished) {
        fs::remove(folder / name, error);
    }
    std::size_t count = 1;
    std::uint64_t bytes = fs::file_size(folder / newest, error);
    for (const std::string& name : found->whole) {
        if (name == newest) {
            continue;
        }
        const auto size = fs::file_size(folder / name, error);
        bytes += error ? 0 : size;
        if (++count > limits.count || bytes > limits.bytes) {
            fs::remove(folder / name, error);
        }
    }
}

}  // namespace

core::result<std::vector<std::string>> list_crashes(const fs::path& folder) {
    auto found = list(folder);
    if (!found) {
        return found.error();
    }
    return std::move(found->whole);
}

std::string crash_name(std::chrono::system_clock::time_point when, std::string_view model) {
    const auto since = std::chrono::duration_cast<std::chrono::microseconds>(when.time_since_epoch()).count();
    std::string name = fmt::format("{}.{:06}Z-", core::utc_text(when, "%Y%m%dT%H%M%S"), since % 1'000'000);
    for (const char c : model.substr(0, most_model_letters)) {
        const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
        name += is_plain(lower) ? lower : '-';
    }
    return name.append(ending);
}

core::result<std::string> read_crash(const fs::path& folder, const std::string& name) {
    if (!is_ours(name, ending)) {
        return core::make_failure(core::errc::invalid, core::say("command.bundle/name-bundle", name));
    }
    const fs::path path = folder / name;
    const core::owned_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    struct stat facts {};
    if (!file.valid() || ::fstat(file.get(), &facts) != 0) {
        return core::path_failure("files.private/read", path, errno);
    }
    if (!S_ISREG(facts.st_mode) || static_cast<std::uintmax_t>(facts.st_size) > largest_read) {
        return core::make_failure(core::errc::limit_exceeded,
                                  core::say("command.bundle/bundle", path.string()));
    }
    auto text = core::read_all(file.get(), static_cast<std::size_t>(facts.st_size));
    if (!text) {
        return core::path_failure("files.private/read", path, errno);
    }
    return std::move(*text);
}

core::result<nlohmann::ordered_json> summarise_crashes(const fs::path& folder) {
    using json = nlohmann::ordered_json;
    constexpr std::size_t deepest = 16;
    constexpr std::size_t longest = 1200;
    const auto names = list_crashes(folder);
    if (!names) {
        return names.error();
    }
    json out = json::array();
    for (const std::string& name : *names) {
        const auto text = read_crash(folder, name);
        const json bundle = text ? core::parse_json<json>(*text, {deepest, largest_read}) : json();
        const json* const found = core::member(bundle, "trigger");
        const json trigger = found == nullptr ? json() : *found;
        const auto said = [&](const json& object, const char* key) {
            return printable(core::text_at(object, key), longest);
        };
        out.push_back({{"name", name},
                       {"time", said(bundle, "time")},
                       {"model", said(bundle, "model")},
                       {"kind", said(bundle, "kind")},
                       {"service", said(trigger, "service")},
                       {"sentence", bundle.is_object() ? said(trigger, "sentence") : "(damaged)"}});
    }
    return out;
}

core::result<void> keep_crash(const fs::path& folder, const std::string& name, std::string_view text,
                              const crash_limits& limits) {
    if (!is_ours(name, ending)) {
        return core::make_failure(core::errc::invalid, core::say("command.bundle/name-bundle", name));
    }
    if (auto made = core::make_private_folder(folder); !made) {
        return made;
    }
    if (auto written = write_whole(folder, name, text); !written) {
        return written;
    }
    prune(folder, name, limits);
    return {};
}

}  // namespace corral::telemetry
