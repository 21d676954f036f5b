// Whether the user of the system's service may read what root looks at so easily.

#include <array>
#include <charconv>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <sys/stat.h>

#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "doctor/checks.hpp"
#include "doctor/root_files.hpp"

namespace corral::doctor {

namespace {

using catalog::severity;
namespace fs = std::filesystem;

constexpr std::array permissions_kinds{
    finding_kind{"permissions.service-user", severity::warning,
                 "the system service's user can't read a package", "what works for you fails for the service",
                 "grant read access: sudo chmod -R o+rX FOLDER, and o+x for the folders above it"},
};

constexpr std::string_view service_user = "corral";  // of systemd/corral.service
constexpr std::size_t most_files = 2000;

struct account {
    uid_t user = 0;
    std::set<gid_t> groups;
};

std::vector<std::string_view> fields_of(std::string_view line) {
    std::vector<std::string_view> out;
    while (out.size() < 8) {
        const auto colon = line.find(':');
        out.push_back(line.substr(0, colon));
        if (colon == std::string_view::npos) {
            break;
        }
        line.remove_prefix(colon + 1);
    }
    return out;
}

std::optional<unsigned> number(std::string_view text) {
    unsigned out = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc{} && end == text.data() + text.size() ? std::optional(out) : std::nullopt;
}

// The rows of a file such as /etc/passwd.
std::vector<std::vector<std::string_view>> rows_of(std::string_view text) {
    std::vector<std::vector<std::string_view>> out;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        out.push_back(fields_of(line));
    }
    return out;
}

bool is_member(std::string_view members) {
    while (!members.empty()) {
        const std::string_view one = members.substr(0, members.find(','));
        if (one == service_user) {
            return true;
        }
        members.remove_prefix(std::min(one.size() + 1, members.size()));
    }
    return false;
}

std::optional<account> find_account(const fs::path& root) {
    const std::string users = read_up_to(below(root, "/etc/passwd")).value_or("");
    const std::string groups = read_up_to(below(root, "/etc/group")).value_or("");
    std::optional<account> out;
    for (const auto& row : rows_of(users)) {
        if (row.size() > 3 && row[0] == service_user && number(row[2]) && number(row[3])) {
            out = account{*number(row[2]), {*number(row[3])}};
        }
    }
    for (const auto& row : rows_of(groups)) {
        if (out && row.size() > 3 && number(row[2]) && is_member(row[3])) {
            out->groups.insert(*number(row[2]));
        }
    }
    return out;
}

// By the mode alone; an access list may say more, so this is no certainty.
bool may(const account& who, const fs::path& file, unsigned wanted) {
    struct stat about {};
    if (::stat(file.c_str(), &about) != 0) {
        return true;  // missing is another check's word
    }
    constexpr unsigned user_shift = 6;
    constexpr unsigned group_shift = 3;
    unsigned shift = 0;
    if (about.st_uid == who.user) {
        shift = user_shift;
    } else if (who.groups.contains(about.st_gid)) {
        shift = group_shift;
    }
    return ((about.st_mode >> shift) & wanted) == wanted;
}

// The first thing that stands in the way; empty: nothing.
fs::path barrier(const account& who, const fs::path& package) {
    constexpr unsigned enter = 1;
    constexpr unsigned read = 4;
    fs::path above;
    for (const fs::path& part : package) {
        above /= part;
        if (!may(who, above, above == package ? enter | read : enter)) {
            return above;
        }
    }
    std::error_code unreadable;
    std::size_t seen = 0;
    for (fs::recursive_directory_iterator entry(package, unreadable), end;
         !unreadable && entry != end && seen < most_files; entry.increment(unreadable), ++seen) {
        std::error_code gone;
        const bool folder = entry->is_directory(gone);
        if (!may(who, entry->path(), folder ? enter | read : read)) {
            return entry->path();
        }
    }
    return {};
}

// All of a package is opened at once; of a folder above it only the way through.
std::string opening_command(const fs::path& in_the_way, const fs::path& package) {
    const std::string package_text = package.string();
    const bool above = in_the_way != package && package_text.starts_with((in_the_way / "").string());
    const auto word = core::word_to_paste(above ? in_the_way.string() : package_text);
    return !word   ? core::reason()
           : above ? core::say("doctor.fix/enter", *word)
                   : core::say("doctor.fix/open", *word);
}

void check_permissions(const examination& box, findings& out) {
    // Only where the service's own configuration is looked at, by a user who may read everything.
    const bool of_system = box.configuration && box.configuration->there &&
                           box.configuration->file == below(box.around.root, "/etc/corral/corral.toml");
    if (box.around.user != 0 || !of_system) {
        return;
    }
    const auto who = find_account(box.around.root);
    if (!who) {
        return;
    }
    for (const model_view& model : box.models) {
        const fs::path in_the_way = barrier(*who, model.entry.package);
        if (!in_the_way.empty()) {
            say(out, permissions_kinds[0], subject_of(model),
                "the user '" + std::string(service_user) + "' may not read '" + in_the_way.string() + "'",
                opening_command(in_the_way, model.entry.package));
        }
    }
}

}  // namespace

const check permissions_check{"permissions", "the service user's read access to the packages",
                              start_part::none, permissions_kinds, check_permissions};

}  // namespace corral::doctor
