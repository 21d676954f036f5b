#include "corral/package/package_tree.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "corral/core/owned_fd.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/core/utf8.hpp"
#include "package/files/path_handle.hpp"

namespace corral::package {

namespace {

constexpr std::string_view digits = "0123456789ABCDEF";

std::string escaped(unsigned char byte) {
    return {'\\', 'x', digits[byte >> 4U], digits[byte & 15U]};
}

// Both ends of `text`; cut between characters.
std::string shortened(const std::string& text, std::size_t most) {
    constexpr std::string_view gap = "...";
    const std::size_t kept = (most - std::min(most, gap.size())) / 2;
    std::size_t right = text.size() - kept;
    while (right < text.size() && core::continues_character(text[right])) {
        ++right;
    }
    return std::string(core::cut_between_characters(text, kept)).append(gap) + text.substr(right);
}

namespace fs = std::filesystem;
using catalog::finding;
using catalog::severity;

constexpr std::string_view number_mark = "%d";
constexpr std::size_t longest_part = 255;
constexpr std::size_t longest_path = 4095;
constexpr std::uint64_t bytes_of_a_block = 512;  // of st_blocks, whatever the file system's own is

std::string text_of(int number) {
    return core::errno_failure(number, {}).code.message();
}

core::failure refused(std::string_view name, core::known_wording<std::string> why) {
    return core::make_failure(core::errc::refused, core::say(why, shown(name)));
}

bool lies_below(const std::string& path, const std::string& folder) {
    return path == folder || folder == "/" ||
           (path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/');
}

// ".../REPOSITORY/blobs" for ".../REPOSITORY/snapshots/REVISION" and what is below; else "".
std::string blobs_beside(const std::string& folder) {
    constexpr std::string_view snapshots = "/snapshots/";
    const auto at = folder.rfind(snapshots);
    return at == std::string::npos || at + snapshots.size() == folder.size()
               ? std::string()
               : folder.substr(0, at) + "/blobs";
}

class open_folder {
public:
    explicit open_folder(int number) : stream_(number < 0 ? nullptr : ::fdopendir(number)) {
        if (stream_ == nullptr && number >= 0) {
            ::close(number);
        }
    }
    open_folder(const open_folder&) = delete;
    open_folder& operator=(const open_folder&) = delete;
    ~open_folder() {
        if (stream_ != nullptr) {
            ::closedir(stream_);
        }
    }
    [[nodiscard]] bool valid() const noexcept { return stream_ != nullptr; }
    // Without "." and ".."; empty at the end.
    [[nodiscard]] std::string next() {
        while (const dirent* one = ::readdir(stream_)) {
            const std::string_view name(one->d_name);
            if (name != "." && name != "..") {
                return std::string(name);
            }
        }
        return {};
    }

private:
    DIR* stream_;
};

}  // namespace

std::string shown(std::string_view text, std::size_t most) {
    // More can't be shown anyway.
    constexpr std::size_t looked_at = 16 * 1024;
    std::string out;
    std::string_view rest = text.substr(0, looked_at);
    while (!rest.empty()) {
        const core::utf8_step step = core::next_utf8(rest);
        const bool as_is = step.kind == core::utf8_kind::whole && core::is_printable(step.point);
        const std::size_t length = as_is ? step.length : 1;
        out +=
            as_is ? std::string(rest.substr(0, length)) : escaped(static_cast<unsigned char>(rest.front()));
        rest.remove_prefix(length);
    }
    return out.size() > most ? shortened(out, most) : out;
}

core::result<std::string> tidy_name(std::string_view name) {
    if (name.empty()) {
        return refused(name, "package.name/none");
    }
    if (name.size() > longest_path) {
        return refused(name, "package.name/path-too-long");
    }
    if (name.front() == '/') {
        return refused(name, "package.name/absolute");
    }
    std::string out;
    while (!name.empty()) {
        const auto slash = std::min(name.find('/'), name.size());
        const std::string_view part = name.substr(0, slash);
        name.remove_prefix(std::min(slash + 1, name.size()));
        if (part.empty() || part == ".") {
            continue;
        }
        if (part == "..") {
            return refused(part, "package.name/leads-out");
        }
        if (part.size() > longest_part) {
            return refused(part, "package.name/too-long");
        }
        const bool control = std::ranges::any_of(part, [](char letter) {
            const auto byte = static_cast<unsigned char>(letter);
            return byte < ' ' || byte == 0x7F;
        });
        if (control) {
            return refused(part, "package.name/control");
        }
        out += (out.empty() ? "" : "/") + std::string(part);
    }
    return out.empty() ? std::string(".") : out;
}

std::string number_pattern_problem(std::string_view pattern) {
    const auto place = pattern.find(number_mark);
    if (place == std::string_view::npos) {
        return "has no %d for the number";
    }
    return std::ranges::count(pattern, '%') == 1 ? std::string() : "has more than one '%'";
}

std::string expand_number(std::string_view pattern, std::uint64_t number) {
    const auto place = pattern.find(number_mark);
    std::string out(pattern.substr(0, place));
    out += std::to_string(number);
    out += pattern.substr(place + number_mark.size());
    return out;
}

struct package_tree::state {
    core::owned_fd root;
    fs::path folder;    // as it was named
    std::string real;   // without links
    std::string blobs;  // may not be there
    tree_limits limits;
    bool walked = false;
    std::vector<node> entries;
    std::vector<finding> findings;

    [[nodiscard]] bool is_inside(const std::string& path) const {
        if (lies_below(path, real)) {
            return true;
        }
        const auto slash = path.rfind('/');
        return !blobs.empty() && slash != std::string::npos && path.compare(0, slash, blobs) == 0;
    }
    [[nodiscard]] bool is_link(const std::string& path) const {
        struct stat about {};
        return ::fstatat(root.get(), path.c_str(), &about, AT_SYMLINK_NOFOLLOW) == 0 &&
               S_ISLNK(about.st_mode);
    }
    // Held only when it lies inside; `into` says what it is in any case.
    [[nodiscard]] std::optional<path_handle> find(const std::string& path, node& into) const;
    void walk();
    bool walk_folder(const std::string& path, std::vector<std::string>& below);
    void note(const std::string& path, const core::reason& what);
};

std::optional<path_handle> package_tree::state::find(const std::string& path, node& into) const {
    into.path = path;
    into.link = is_link(path);
    auto place = open_path(root.get(), path);
    if (!place) {
        const int number = errno;
        if (number == ELOOP || into.link) {
            into.kind = node_kind::broken_link;
            into.why = number == ELOOP ? "links that go in a circle" : "a link that leads nowhere";
        } else if (number == EACCES || number == EPERM) {
            into.kind = node_kind::closed;
            into.why = text_of(number);
        }
        return std::nullopt;
    }
    if (place->real.empty() || !is_inside(place->real)) {
        into.kind = node_kind::outside;
        into.why = "a link to '" + shown(place->real) + "', which is outside the package";
        return std::nullopt;
    }
    into.kind = S_ISREG(place->about.st_mode)   ? node_kind::file
                : S_ISDIR(place->about.st_mode) ? node_kind::folder
                                                : node_kind::special;
    into.size = S_ISREG(place->about.st_mode) ? static_cast<std::uint64_t>(place->about.st_size) : 0;
    into.allocated = static_cast<std::uint64_t>(place->about.st_blocks) * bytes_of_a_block;
    into.readable = has_access(*place, R_OK);
    into.executable = has_access(*place, X_OK);
    return place;
}

void package_tree::state::note(const std::string& path, const core::reason& what) {
    // One of each kind is enough to know; a hostile tree would fill the list.
    const bool known = std::ranges::any_of(findings, [&](const finding& one) { return one.id == what.id(); });
    if (!known) {
        findings.push_back(
            catalog::finding_of(severity::warning, what, shown(path), core::say("tree.link-outside/why")));
    }
}

// False: enough was seen.
bool package_tree::state::walk_folder(const std::string& path, std::vector<std::string>& below) {
    open_folder list(::openat(root.get(), path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!list.valid()) {
        note(path, core::say("tree.folder-closed", text_of(errno)));
        return true;
    }
    for (std::string name = list.next(); !name.empty(); name = list.next()) {
        if (entries.size() >= limits.entries) {
            note("", core::say("tree.too-many", limits.entries));
            return false;
        }
        node one;
        const std::string whole = path == "." ? name : path + "/" + name;
        static_cast<void>(find(whole, one));
        if (one.kind == node_kind::outside) {
            note(whole, core::say("tree.link-outside", one.why));
        } else if (one.kind == node_kind::special) {
            note(whole, core::say("tree.special-file"));
        }
        const bool enter = one.kind == node_kind::folder && !one.link;
        entries.push_back(std::move(one));
        if (enter && (limits.enters_all || (name != ".git" && name != "__pycache__"))) {
            below.push_back(whole);
        }
    }
    return true;
}

void package_tree::state::walk() {
    std::vector<std::string> waiting{"."};
    while (!waiting.empty()) {
        const std::string path = std::move(waiting.back());
        waiting.pop_back();
        const auto depth = path == "." ? 0 : 1 + std::ranges::count(path, '/');
        if (depth > limits.depth) {
            note(path, core::say("tree.too-deep", limits.depth));
            continue;
        }
        if (!limits.enters_all && path != "." &&
            ::faccessat(root.get(), (path + "/pyvenv.cfg").c_str(), F_OK, 0) == 0) {
            continue;  // a Python environment
        }
        if (!walk_folder(path, waiting)) {
            break;
        }
    }
    std::ranges::sort(entries, [](const node& a, const node& b) { return a.path < b.path; });
}

core::result<package_tree> package_tree::open(const fs::path& folder, tree_limits limits) {
    auto place = open_path(AT_FDCWD, folder.string());
    if (!place) {
        const int number = errno;  // before the text is made
        return core::path_failure("package.folder/open", shown(folder.string()), number);
    }
    if (!S_ISDIR(place->about.st_mode)) {
        return core::errno_failure(ENOTDIR, core::say("package.folder/kind", shown(folder.string())));
    }
    if (!has_access(*place, R_OK | X_OK)) {
        return core::errno_failure(EACCES, core::say("package.folder/closed", shown(folder.string())));
    }
    auto made = std::make_shared<state>();
    made->root = std::move(place->at);
    made->folder = folder;
    made->real = std::move(place->real);
    made->blobs = blobs_beside(made->real);
    made->limits = limits;
    return package_tree(std::move(made));
}

const fs::path& package_tree::folder() const noexcept {
    return state_->folder;
}

const std::vector<node>& package_tree::entries() const {
    if (!state_->walked) {
        state_->walked = true;
        state_->walk();
    }
    return state_->entries;
}

const std::vector<finding>& package_tree::findings() const {
    static_cast<void>(entries());
    return state_->findings;
}

node package_tree::look(std::string_view path) const {
    node out;
    const auto name = tidy_name(path);
    if (!name) {
        out.path = path;
        out.kind = node_kind::refused;
        out.why = name.error().message;
        return out;
    }
    static_cast<void>(state_->find(*name, out));
    return out;
}

core::result<std::string> package_tree::read(std::string_view path, std::size_t most,
                                             std::uint64_t offset) const {
    const auto name = tidy_name(path);
    if (!name) {
        return name.error();
    }
    node about;
    const auto place = state_->find(*name, about);
    const auto unread = [&](const std::string& why) {
        return core::say("package.folder/read", shown(*name), why);
    };
    if (!place) {
        return core::make_failure(core::errc::not_found,
                                  unread(about.why.empty() ? "it is not there" : about.why));
    }
    const auto file = open_plain(*place);
    if (!file) {
        const int number = errno;
        return core::errno_failure(number,
                                   unread(number == EINVAL ? "it is no plain file" : text_of(number)));
    }
    auto bytes = core::read_all_at(file->get(), offset, most);
    if (!bytes) {
        const int number = errno;
        return core::errno_failure(number, unread(text_of(number)));
    }
    return std::move(*bytes);
}

bool package_tree::ends_in_hole(std::string_view path) const {
    const auto name = tidy_name(path);
    node about;
    const auto place = name ? state_->find(*name, about) : std::nullopt;
    if (!place || place->about.st_size <= 0) {
        return false;
    }
    const auto file = open_plain(*place);
    // A file system that can't tell says that there is data everywhere.
    return file && ::lseek(file->get(), place->about.st_size - 1, SEEK_DATA) < 0 && errno == ENXIO;
}

}  // namespace corral::package
