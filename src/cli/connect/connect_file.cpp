#include "cli/connect/connect_file.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "cli/connect/json_merge.hpp"
#include "corral/core/json.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/say.hpp"

namespace corral::cli {

namespace {

namespace fs = std::filesystem;
using json = nlohmann::ordered_json;
using environment_map = std::map<std::string, std::string>;

std::string variable(const environment_map& environment, std::string_view name) {
    const auto found = environment.find(std::string(name));
    return found == environment.end() ? std::string() : found->second;
}

core::failure misplaced(core::reason why) {
    return core::make_failure(core::errc::refused, std::move(why));
}

// Of the person who runs this, and never another's.
core::result<fs::path> home_of(const client_entry& client, const environment_map& environment) {
    const std::string home = variable(environment, "HOME");
    struct stat facts {};
    if (!home.starts_with('/') || ::stat(home.c_str(), &facts) != 0 || !S_ISDIR(facts.st_mode)) {
        return misplaced(core::say("connect.place/no-home", client.name));
    }
    const std::string user = variable(environment, "SUDO_USER");
    if (::geteuid() == 0 && !user.empty() && user != "root") {
        return misplaced(core::say("connect.place/sudo", user));
    }
    if (facts.st_uid != ::geteuid()) {
        return misplaced(core::say("connect.place/other-home", home));
    }
    return fs::path(home);
}

fs::path record_of(const client_entry& client, const fs::path& home, const environment_map& environment) {
    const std::string state = variable(environment, "XDG_STATE_HOME");
    return (state.starts_with('/') ? fs::path(state) : home / ".local/state") / "corral/connect" /
           (std::string(client.name) + ".json");
}

struct client_record {
    fs::path file;
    std::optional<std::string> before;
    std::string after;
    std::vector<std::string> folders;  // that were made, the innermost first
};

// Nothing where there is none.
core::result<std::optional<client_record>> read_record(const fs::path& file) {
    constexpr std::size_t most = core::usual_private_file * 16;  // twice the largest, as JSON has its bytes
    const auto read = core::read_private_file(file, most);
    if (!read && read.error().code == boost::system::errc::no_such_file_or_directory) {
        return std::optional<client_record>();
    }
    const json stored = read ? core::parse_json<json>(read->text, {8, most}) : json();
    if (!stored.is_object() || core::text_at(stored, "file").empty() || !stored.contains("after")) {
        return misplaced(core::say("connect.undo/unreadable", file.string()));
    }
    client_record out{core::text_at(stored, "file"), std::nullopt, core::text_at(stored, "after"), {}};
    if (stored.contains("before") && stored["before"].is_string()) {
        out.before = core::text_at(stored, "before");
    }
    for (const json& one : core::list_at(stored, "folders")) {
        out.folders.push_back(one.is_string() ? one.get<std::string>() : std::string());
    }
    return std::optional(out);
}

core::result<void> write_record(const fs::path& to, const client_record& what) {
    if (const auto made = core::make_private_folder(to.parent_path()); !made) {
        return made.error();
    }
    const json out{{"file", what.file.string()},
                   {"before", what.before ? json(*what.before) : json(nullptr)},
                   {"after", what.after},
                   {"folders", what.folders}};
    return core::replace_private_file(
        to, {out.dump(2, ' ', false, json::error_handler_t::replace) + "\n", 0600, ::geteuid(), ::getegid()});
}

// The innermost first.
std::vector<std::string> missing_folders(const fs::path& file) {
    std::vector<std::string> out;
    for (fs::path at = file.parent_path(); !at.empty() && at != at.root_path(); at = at.parent_path()) {
        std::error_code error;
        if (fs::exists(at, error)) {
            break;
        }
        out.push_back(at.string());
    }
    return out;
}

// What stands there; fails where it is nothing to be replaced.
core::result<void> look_at(client_change& change) {
    std::error_code error;
    if (fs::is_symlink(fs::symlink_status(change.file, error))) {
        // The link stays; it is often into a folder of a person's own.
        const fs::path target = fs::canonical(change.file, error);
        if (error) {
            return misplaced(core::say("connect.place/dangling", change.file.string()));
        }
        change.file = target;
    }
    auto read = core::read_private_file(change.file);
    if (!read && read.error().code == boost::system::errc::no_such_file_or_directory) {
        change.now = {{}, 0600, ::geteuid(), ::getegid()};
        return {};
    }
    if (!read) {
        return read.error();
    }
    if ((read->mode & S_IWUSR) == 0) {
        return misplaced(core::say("connect.place/read-only", change.file.string()));
    }
    change.now = *std::move(read);
    change.there = true;
    return {};
}

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> out;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        out.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

}  // namespace

core::result<fs::path> place_of_client(const client_entry& client, const environment_map& environment) {
    const auto home = home_of(client, environment);
    if (!home) {
        return home.error();
    }
    const std::string moved = variable(environment, client.variable);
    const fs::path folder = moved.starts_with('/') ? fs::path(moved) : *home / client.folder;
    return folder / client.file;
}

core::result<client_change> plan_client_file(const client_entry& client, const std::string& text,
                                             const environment_map& environment) {
    const auto place = place_of_client(client, environment);
    if (!place) {
        return place.error();
    }
    client_change out;
    out.file = *place;
    out.record = record_of(client, variable(environment, "HOME"), environment);
    if (const auto looked = look_at(out); !looked) {
        return looked.error();
    }
    const auto record = read_record(out.record);
    if (!record) {
        return record.error();
    }
    const bool ours = *record && (*record)->file == out.file && out.there && (*record)->after == out.now.text;
    out.before = ours ? (*record)->before : out.there ? std::optional(out.now.text) : std::nullopt;
    if (client.kind == client_file::own) {
        if (out.there && !ours && out.now.text != text) {
            return misplaced(core::say("connect.place/not-ours", out.file.string()));
        }
        out.after = text;
        return out;
    }
    auto merged = merge_json(out.before.value_or(""), json::parse(text));
    if (!merged) {
        return misplaced(
            core::say("connect.merge/stays", out.file.string(), merged.error().message, client.name));
    }
    out.after = *std::move(merged);
    if (out.after.size() > core::usual_private_file) {  // and would not be read again
        return misplaced(core::say("files.private/larger-mib", out.file.string()));
    }
    return out;
}

core::result<void> write_client_file(const client_change& change) {
    client_record record{change.file, change.before, change.after, missing_folders(change.file)};
    if (const auto old = read_record(change.record); old && *old && record.folders.empty()) {
        record.folders = (*old)->folders;
    }
    if (const auto written = write_record(change.record, record); !written) {
        return written.error();
    }
    if (const auto made = core::make_private_folder(change.file.parent_path()); !made) {
        return made.error();
    }
    core::private_file with = change.now;
    with.text = change.after;
    return core::replace_private_file(change.file, with);
}

core::result<fs::path> undo_client_file(const client_entry& client, const environment_map& environment) {
    const auto home = home_of(client, environment);
    if (!home) {
        return home.error();
    }
    const fs::path place = record_of(client, *home, environment);
    const auto record = read_record(place);
    if (!record) {
        return record.error();
    }
    if (!*record) {
        return misplaced(core::say("connect.undo/nothing", client.name));
    }
    const client_record& stored = **record;
    client_change there;
    there.file = stored.file;
    if (const auto looked = look_at(there); !looked) {
        return looked.error();
    }
    const std::optional<std::string> now = there.there ? std::optional(there.now.text) : std::nullopt;
    if (now != stored.before && now != stored.after) {
        return misplaced(core::say("connect.undo/changed", stored.file.string(), place.string()));
    }
    std::error_code error;
    if (now != stored.before && stored.before) {
        there.now.text = *stored.before;
        if (const auto written = core::replace_private_file(there.file, there.now); !written) {
            return written.error();
        }
    } else if (now != stored.before && !fs::remove(there.file, error) && error) {
        return core::errno_failure(
            error.value(), core::say("remove.files-stay/remove", stored.file.string(), error.message()));
    }
    for (const std::string& folder : stored.folders) {
        fs::remove(folder, error);  // one that holds something else by now stays
    }
    fs::remove(place, error);
    return stored.file;
}

std::string difference_of(std::string_view before, std::string_view after) {
    if (before == after) {
        return {};
    }
    const std::vector<std::string_view> old_lines = lines_of(before);
    const std::vector<std::string_view> new_lines = lines_of(after);
    const auto [old_at, new_at] = std::ranges::mismatch(old_lines, new_lines);
    const auto head = static_cast<std::size_t>(old_at - old_lines.begin());
    const std::size_t most = std::min(old_lines.size(), new_lines.size()) - head;
    std::size_t tail = 0;
    while (tail < most && old_lines[old_lines.size() - 1 - tail] == new_lines[new_lines.size() - 1 - tail]) {
        ++tail;
    }
    std::string out;
    for (std::size_t i = head; i + tail < old_lines.size(); ++i) {
        out += "- " + std::string(old_lines[i]) + "\n";
    }
    for (std::size_t i = head; i + tail < new_lines.size(); ++i) {
        out += "+ " + std::string(new_lines[i]) + "\n";
    }
    return out;
}

}  // namespace corral::cli
