#include "process/children/child_cgroup.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "process/children/model_cgroup.hpp"
#include "process/children/pidfd.hpp"
#include "process/proc_files.hpp"

namespace corral::process {

namespace {

constexpr std::string_view name_start = "corral-";
constexpr std::size_t most_bytes = std::size_t{1024} * 1024;  // of a table of /proc
constexpr std::size_t most_folders = 256;                     // looked at in one pass
constexpr int deepest = 8;
constexpr std::chrono::milliseconds stale_limit{2000};
constexpr std::chrono::milliseconds pause_between_looks{5};

unsigned groups_made = 0;

// The first number of `rest`, which loses it with the mark that follows.
template <typename Number>
bool take_number(std::string_view& rest, Number& into) {
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), into);
    if (error != std::errc{}) {
        return false;
    }
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    if (rest.starts_with('-')) {
        rest.remove_prefix(1);
        return !rest.empty();
    }
    return rest.empty();
}

std::string_view next_part(std::string_view& rest, char mark) {
    const std::size_t at = std::min(rest.find(mark), rest.size());
    const std::string_view part = rest.substr(0, at);
    rest.remove_prefix(std::min(at + 1, rest.size()));
    return part;
}

bool has_attribute(const std::string& folder, const char* name) {
    return ::getxattr(folder.c_str(), name, nullptr, 0) >= 0;
}

bool says_yes(const std::string& folder, const char* name) {
    char value = '0';
    return ::getxattr(folder.c_str(), name, &value, 1) == 1 && value == '1';
}

std::vector<std::string> folders_in(const std::string& folder) {
    std::vector<std::string> out;
    std::error_code failed;
    for (std::filesystem::directory_iterator at(folder, failed), end; !failed && at != end;
         at.increment(failed)) {
        if (out.size() < most_folders && at->is_directory(failed) && !at->is_symlink(failed)) {
            out.push_back(at->path().string());
        }
    }
    return out;
}

// What is in it may have made groups of its own.
bool remove_tree(const std::string& folder, int depth) {
    if (::rmdir(folder.c_str()) == 0 || errno == ENOENT) {
        return true;
    }
    if (depth == deepest) {
        return false;
    }
    for (const std::string& inner : folders_in(folder)) {
        remove_tree(inner, depth + 1);
    }
    return ::rmdir(folder.c_str()) == 0;
}

std::string last_part(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

std::string folder_above(const std::string& path) {
    return path.substr(0, path.rfind('/'));
}

bool is_in(pid_t pid, const std::string& group) {
    const auto text = read_file("/proc/" + std::to_string(pid) + "/cgroup", most_bytes);
    return text && (cgroup_path(*text) + '/').find('/' + group + '/') != std::string::npos;
}

// Kernels before 5.14 have no file that kills.
void kill_each(const std::string& folder, const std::string& group, int depth) {
    const auto text = read_file(folder + "/cgroup.procs", most_bytes);
    for (std::string_view rest = text ? std::string_view(*text) : std::string_view(); !rest.empty();) {
        const std::string_view line = next_part(rest, '\n');
        pid_t pid = 0;
        std::from_chars(line.data(), line.data() + line.size(), pid);
        // The handle comes before the second look: what is killed is what was looked at.
        const core::owned_fd handle(pid > 1 && pid != ::getpid() ? open_pidfd(pid) : -1);
        if (handle.valid() && is_in(pid, group)) {
            static_cast<void>(signal_pidfd(handle.get(), SIGKILL));  // gone already is as good
        }
    }
    for (const std::string& inner : depth < deepest ? folders_in(folder) : std::vector<std::string>()) {
        kill_each(inner, group, depth + 1);
    }
}

std::string find_base() {
    const auto groups = read_file("/proc/self/cgroup", most_bytes);
    const auto mounts = read_file("/proc/self/mountinfo", most_bytes);
    std::string folder = groups && mounts ? cgroup_folder(cgroup_path(*groups), *mounts) : std::string();
    // An earlier image of this process has divided it.
    if (last_part(folder) == own_part && is_given(folder_above(folder))) {
        folder = folder_above(folder);
    }
    return !folder.empty() && is_delegated(folder) ? folder : std::string();
}

std::string& base() {
    static std::string found = find_base();
    return found;
}

bool is_stale(const std::string& folder) {
    const auto name = parse_cgroup_name(last_part(folder));
    const auto daemon = name ? read_process(name->daemon) : std::nullopt;
    return name && (!daemon || daemon->ended() || daemon->start_time != name->daemon_start);
}

bool is_of(const std::string& folder, const run_token& run) {
    const auto name = parse_cgroup_name(last_part(folder));
    return name && name->daemon == run.daemon && name->daemon_start == run.daemon_start;
}

}  // namespace

std::string text_of(const cgroup_name& name) {
    return std::string(name_start) + std::to_string(name.daemon) + '-' + std::to_string(name.daemon_start) +
           '-' + (name.model.empty() ? std::to_string(name.serial) : name.model);
}

std::optional<cgroup_name> own_cgroup_name() {
    const auto self = read_process(::getpid());
    return self ? std::optional(cgroup_name{self->pid, self->start_time, 0}) : std::nullopt;
}

bool is_in_model_cgroup(const std::string& folder) {
    const auto above = parse_cgroup_name(last_part(folder_above(folder)));
    return above && !above->model.empty();
}

bool write_group_file(const std::string& file, std::string_view text) {
    const core::owned_fd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
    return fd.valid() && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

std::optional<cgroup_name> parse_cgroup_name(std::string_view text) {
    cgroup_name name;
    if (!text.starts_with(name_start)) {
        return std::nullopt;
    }
    text.remove_prefix(name_start.size());
    const bool owned = take_number(text, name.daemon) && take_number(text, name.daemon_start);
    const bool of_model = owned && text.starts_with('m') && text.find('/') == text.npos;
    if (of_model) {
        name.model = text;
    }
    const bool read = of_model || (owned && take_number(text, name.serial) && text.empty());
    return read && name.daemon > 0 ? std::optional(name) : std::nullopt;
}

std::string cgroup_path(std::string_view cgroup_text) {
    while (!cgroup_text.empty()) {
        const std::string_view line = next_part(cgroup_text, '\n');
        if (line.starts_with("0::/")) {
            return std::string(line.substr(3));
        }
    }
    return {};
}

// ID PARENT MAJOR:MINOR ROOT PLACE OPTIONS [FIELDS...] - TYPE SOURCE OPTIONS
std::string cgroup_folder(std::string_view path, std::string_view mountinfo) {
    const bool seen =
        path.starts_with('/') && !path.starts_with("/..") && path.find(" (deleted)") == path.npos;
    while (seen && !mountinfo.empty()) {
        std::string_view line = next_part(mountinfo, '\n');
        const std::size_t dash = line.find(" - cgroup2 ");
        if (dash == std::string_view::npos) {
            continue;
        }
        line = line.substr(0, dash);
        for (int field = 0; field < 3; ++field) {
            next_part(line, ' ');
        }
        std::string_view root = next_part(line, ' ');
        const std::string_view place = next_part(line, ' ');
        root = root == "/" ? std::string_view() : root;
        const std::string_view below = path.substr(std::min(root.size(), path.size()));
        // Blanks are written as \040.
        if (place.starts_with('/') && place.find('\\') == place.npos && path.starts_with(root) &&
            (below.empty() || below.starts_with('/'))) {
            return std::string(place) + std::string(below == "/" ? std::string_view() : below);
        }
    }
    return {};
}

bool is_delegated(const std::string& folder) {
    const std::string procs = folder + "/cgroup.procs";
    const std::string events = folder + "/cgroup.events";  // the root of all has none
    const bool writable = ::access(folder.c_str(), W_OK | X_OK) == 0 && ::access(procs.c_str(), W_OK) == 0;
    const bool managed =
        has_attribute(folder, "user.invocation_id") || has_attribute(folder, "trusted.invocation_id");
    return writable && ::access(events.c_str(), R_OK) == 0 && (is_given(folder) || !managed);
}

bool is_given(const std::string& folder) {
    return says_yes(folder, "user.delegate") || says_yes(folder, "trusted.delegate");
}

const std::string& cgroup_base() {
    return base();
}

void set_cgroup_base(std::string folder) {
    base() = std::move(folder);
}

std::optional<child_cgroup> child_cgroup::make(const std::string& parent) {
    auto name = parent.empty() ? std::nullopt : own_cgroup_name();
    if (!name) {
        return std::nullopt;
    }
    // After an upgrade in place some numbers are taken.
    for (std::size_t tried = 0; tried < most_folders; ++tried) {
        name->serial = ++groups_made;
        const std::string folder = parent + '/' + text_of(*name);
        if (::mkdir(folder.c_str(), 0755) == 0) {
            return child_cgroup(folder);
        }
        if (errno != EEXIST) {
            break;
        }
    }
    return std::nullopt;
}

std::optional<child_cgroup> child_cgroup::of(pid_t child) {
    const auto text = read_file("/proc/" + std::to_string(child) + "/cgroup", most_bytes);
    const std::string path = text ? cgroup_path(*text) : std::string();
    const std::string last = last_part(path);
    const auto name = parse_cgroup_name(last);
    const auto own = own_cgroup_name();
    const std::string between =
        is_in_model_cgroup(path) ? '/' + last_part(folder_above(path)) : std::string();
    const std::string folder = cgroup_base() + between + '/' + last;
    const bool ours = !cgroup_base().empty() && name && own && name->daemon == own->daemon &&
                      name->daemon_start == own->daemon_start && ::access(folder.c_str(), F_OK) == 0;
    return ours ? std::optional(child_cgroup(folder)) : std::nullopt;
}

core::owned_fd child_cgroup::door() const {
    return core::owned_fd(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

bool child_cgroup::populated() const {
    const auto events = read_file(folder_ + "/cgroup.events", most_bytes);
    return events && events->find("populated 1") != std::string::npos;
}

bool child_cgroup::kill_all() const {
    if (!populated()) {
        return true;
    }
    if (!write_group_file(folder_ + "/cgroup.kill", "1")) {
        kill_each(folder_, last_part(folder_), 0);
    }
    return false;
}

bool child_cgroup::remove() const {
    const bool removed = !populated() && remove_tree(folder_, 0);
    if (removed && is_in_model_cgroup(folder_)) {
        ::rmdir(folder_above(folder_).c_str());  // refused while another service of the model is there
    }
    return removed;
}

std::size_t clear_stale_cgroups(const std::string& base_folder, const std::optional<run_token>& ending) {
    std::size_t alive = 0;
    std::vector<std::string> left;
    for (const std::string& folder :
         base_folder.empty() ? std::vector<std::string>() : folders_in(base_folder)) {
        if (is_stale(folder)) {
            left.push_back(folder);
            alive += child_cgroup(folder).kill_all() ? 0 : 1;
        } else if (ending && is_of(folder, *ending)) {
            left.push_back(folder);
        }
    }
    const auto end = std::chrono::steady_clock::now() + stale_limit;
    while (std::erase_if(left,
                         [](const std::string& folder) {
                             const child_cgroup group(folder);
                             return is_stale(folder) && group.kill_all() && group.remove();
                         }),
           !left.empty() && std::chrono::steady_clock::now() < end) {
        std::this_thread::sleep_for(pause_between_looks);
    }
    return alive;
}

}  // namespace corral::process
