#include "process/proc_files.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <limits>
#include <memory>
#include <set>

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "corral/core/owned_fd.hpp"

namespace corral::process {

namespace {

constexpr std::size_t max_stat_bytes = 4096;
constexpr std::size_t max_environment_bytes = 4U << 20;
constexpr std::size_t first_field = 3;  // of stat, after the command name
constexpr std::size_t user_time_field = 14;
constexpr std::size_t system_time_field = 15;
constexpr std::size_t start_time_field = 22;
constexpr std::size_t resident_field = 24;

template <typename T>
bool to_number(std::string_view text, T& value) {
    const auto end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    return error == std::errc{} && stop == end;
}

struct close_directory {
    void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

}  // namespace

std::optional<std::string> read_file(const std::string& path, std::size_t limit) {
    const core::owned_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (!file.valid()) {
        return std::nullopt;
    }
    return core::read_all(file.get(), limit);
}

namespace {

std::vector<pid_t> numbers_in(const std::string& folder) {
    std::vector<pid_t> found;
    const std::unique_ptr<DIR, close_directory> directory(::opendir(folder.c_str()));
    if (!directory) {
        return found;
    }
    while (const dirent* entry = ::readdir(directory.get())) {
        pid_t pid = 0;
        if (to_number(std::string_view(entry->d_name), pid) && pid > 0) {
            found.push_back(pid);
        }
    }
    return found;
}

}  // namespace

std::vector<pid_t> all_processes() {
    return numbers_in("/proc");
}

std::vector<pid_t> threads_of(pid_t pid) {
    return numbers_in("/proc/" + std::to_string(pid) + "/task");
}

std::optional<std::vector<pid_t>> children_of(pid_t pid) {
    constexpr std::size_t most_bytes = 1U << 20;
    const std::string tasks = "/proc/" + std::to_string(pid) + "/task/";
    std::vector<pid_t> found;
    bool kept = false;
    for (const pid_t thread : threads_of(pid)) {
        const auto text = read_file(tasks + std::to_string(thread) + "/children", most_bytes);
        kept = kept || text.has_value();
        for (std::string_view rest = text ? *text : std::string_view(); !rest.empty();) {
            const auto blank = rest.find(' ');
            pid_t child = 0;
            if (to_number(rest.substr(0, blank), child)) {
                found.push_back(child);
            }
            rest.remove_prefix(blank == std::string_view::npos ? rest.size() : blank + 1);
        }
    }
    return kept ? std::optional(std::move(found)) : std::nullopt;
}

// Reads one short file for each thread where the kernel keeps them, else every process.
std::vector<pid_t> own_children() {
    const pid_t self = ::getpid();
    if (auto kept = children_of(self)) {
        return std::move(*kept);
    }
    std::vector<pid_t> found;
    for (const pid_t pid : all_processes()) {
        const auto row = read_process(pid);
        if (row && row->parent == self) {
            found.push_back(pid);
        }
    }
    return found;
}

std::optional<process_row> parse_process(std::string_view text) {
    process_row row;
    const auto open = text.find(" (");
    const auto close = text.rfind(") ");
    if (open == std::string_view::npos || close == std::string_view::npos || close < open ||
        !to_number(text.substr(0, open), row.pid)) {
        return std::nullopt;
    }
    std::string_view rest = text.substr(close + 2);
    for (std::size_t field = first_field; field <= resident_field; ++field) {
        const auto blank = rest.find_first_of(" \n");
        const std::string_view word = rest.substr(0, blank);
        bool good = !word.empty();
        if (field == first_field && good) {
            row.state = word.front();
        } else if (field == first_field + 1) {
            good = to_number(word, row.parent);
        } else if (field == first_field + 2) {
            good = to_number(word, row.group);
        } else if (field == user_time_field || field == system_time_field) {
            std::uint64_t ticks = 0;
            good =
                to_number(word, ticks) && row.used_ticks <= std::numeric_limits<std::uint64_t>::max() - ticks;
            row.used_ticks += good ? ticks : 0;
        } else if (field == start_time_field) {
            good = to_number(word, row.start_time);
        } else if (field == resident_field) {
            good = to_number(word, row.resident_pages);
        }
        if (!good || (blank == std::string_view::npos && field != resident_field)) {
            return std::nullopt;
        }
        rest.remove_prefix(blank == std::string_view::npos ? rest.size() : blank + 1);
    }
    return row;
}

std::optional<process_row> read_process(pid_t pid) {
    const auto text = read_file("/proc/" + std::to_string(pid) + "/stat", max_stat_bytes);
    return text ? parse_process(*text) : std::nullopt;
}

// The kernel lists processes by number, and a parent may have a greater one than its child: so it goes over the rows until
// none is added.
std::vector<process_row> family_of(const std::vector<pid_t>& roots) {
    std::vector<process_row> all;
    for (const pid_t pid : all_processes()) {
        if (const auto row = read_process(pid)) {
            all.push_back(*row);
        }
    }
    const std::set<pid_t> first(roots.begin(), roots.end());
    std::set<pid_t> members = first;
    bool grown = true;
    while (grown) {
        grown = false;
        for (const process_row& row : all) {
            const bool belongs = members.contains(row.parent) || first.contains(row.group);
            grown = (belongs && members.insert(row.pid).second) || grown;
        }
    }
    std::erase_if(all, [&](const process_row& row) { return !members.contains(row.pid); });
    return all;
}

std::optional<std::uint64_t> descriptors_of(pid_t pid) {
    const std::unique_ptr<DIR, close_directory> directory(
        ::opendir(("/proc/" + std::to_string(pid) + "/fd").c_str()));
    if (!directory) {
        return std::nullopt;
    }
    std::uint64_t count = 0;
    while (const dirent* entry = ::readdir(directory.get())) {
        count += entry->d_name[0] == '.' ? 0 : 1;
    }
    return count;
}

std::optional<std::string> environment_of(pid_t pid, std::string_view name) {
    const auto text = read_file("/proc/" + std::to_string(pid) + "/environ", max_environment_bytes);
    return text ? variable_in(*text, name) : std::nullopt;
}

std::optional<std::string> variable_in(std::string_view rest, std::string_view name) {
    while (!rest.empty()) {
        const auto end = rest.find('\0');
        const std::string_view entry = rest.substr(0, end);
        if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=') {
            return std::string(entry.substr(name.size() + 1));
        }
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
    return std::nullopt;
}

}  // namespace corral::process
