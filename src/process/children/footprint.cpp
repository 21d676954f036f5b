#include "corral/process/footprint.hpp"

#include <algorithm>
#include <charconv>
#include <set>
#include <string>
#include <string_view>
#include <system_error>

#include <sched.h>
#include <unistd.h>

#include "process/children/child_cgroup.hpp"
#include "process/proc_files.hpp"

namespace corral::process {

namespace {

constexpr std::size_t most_text = std::size_t{1} << 20U;

// The number behind the words with which a line begins: "RssAnon:    1234 kB", "inactive_file 1234".
std::optional<std::uint64_t> number_behind(std::string_view text, std::string_view words) {
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        const std::size_t at =
            line.starts_with(words) ? line.find_first_not_of(" \t", words.size()) : line.npos;
        std::uint64_t value = 0;
        if (at != line.npos &&
            std::from_chars(line.data() + at, line.data() + line.size(), value).ec == std::errc{}) {
            return value;
        }
    }
    return std::nullopt;
}

std::optional<std::uint64_t> number_in(const std::string& file, std::string_view words = {}) {
    const auto text = read_file(file, most_text);
    return text ? number_behind(*text, words) : std::nullopt;
}

std::uint64_t room(std::uint64_t most, std::uint64_t used) {
    return most - std::min(most, used);
}

// What the groups around a process leave it; nothing: none limits that.
struct group_room {
    std::optional<std::uint64_t> memory;
    std::optional<std::uint64_t> tasks;
};

void lower(std::optional<std::uint64_t>& to, std::uint64_t value) {
    to = std::min(to.value_or(value), value);
}

group_room room_in_groups(pid_t pid) {
    const auto groups = read_file("/proc/" + std::to_string(pid) + "/cgroup", most_text);
    const auto mounts = read_file("/proc/self/mountinfo", most_text);
    group_room out;
    std::string folder = groups && mounts ? cgroup_folder(cgroup_path(*groups), *mounts) : std::string();
    for (; folder.size() > 1;
         folder.resize(folder.rfind('/'))) {  // above the root of all groups are no such files
        if (const auto most = number_in(folder + "/memory.max")) {
            const auto pages = read_file(folder + "/memory.stat", most_text).value_or("");
            const std::uint64_t files = number_behind(pages, "inactive_file").value_or(0) +
                                        number_behind(pages, "active_file").value_or(0);
            const std::uint64_t used = number_in(folder + "/memory.current").value_or(0);
            lower(out.memory, room(*most, used - std::min(used, files)));
        }
        if (const auto most = number_in(folder + "/pids.max")) {
            lower(out.tasks, room(*most, number_in(folder + "/pids.current").value_or(0)));
        }
    }
    return out;
}

// "<on a processor> <waiting for one> <times>", in ns, for each thread.
std::uint64_t waited_by(pid_t pid) {
    constexpr std::size_t most_bytes = 256;
    std::uint64_t sum = 0;
    for (const pid_t thread : threads_of(pid)) {
        const auto text = read_file(
            "/proc/" + std::to_string(pid) + "/task/" + std::to_string(thread) + "/schedstat", most_bytes);
        const auto from = text ? text->find(' ') : std::string::npos;
        std::uint64_t one = 0;
        if (from != std::string::npos &&
            std::from_chars(text->data() + from + 1, text->data() + text->size(), one).ec == std::errc{}) {
            sum += one;
        }
    }
    return sum;
}

}  // namespace

const char* to_string(resource which) noexcept {
    constexpr std::array<const char*, resources> names{"memory", "descriptors", "threads"};
    return names.at(static_cast<std::size_t>(which));
}

std::optional<footprint> footprint_of(pid_t root) {
    constexpr std::uint64_t kib = 1024;
    std::optional<resource_use> memory = resource_use{};
    std::optional<resource_use> descriptors;
    resource_use threads;
    bool lives = false;
    bool all_seen = true;  // one that keeps its descriptors to itself may be the one that has the most
    for (const process_row& row : family_of({root})) {
        const std::string folder = "/proc/" + std::to_string(row.pid);
        const auto status = row.ended() ? std::nullopt : read_file(folder + "/status", most_text);
        if (!status) {
            continue;
        }
        lives = lives || row.pid == root;
        const auto anonymous = number_behind(*status, "RssAnon:");  // since Linux 4.5
        memory = memory && anonymous ? memory : std::nullopt;
        if (memory) {
            memory->held += kib * (*anonymous + number_behind(*status, "RssShmem:").value_or(0) +
                                   number_behind(*status, "VmSwap:").value_or(0));
        }
        threads.held += number_behind(*status, "Threads:").value_or(1);
        const std::string limits = read_file(folder + "/limits", most_text).value_or("");
        const std::uint64_t tasks = number_behind(limits, "Max processes").value_or(0);
        threads.limit = row.pid == root ? tasks : threads.limit;
        const auto open = descriptors_of(row.pid);
        all_seen = all_seen && open;
        if (open && (!descriptors || *open > descriptors->held)) {
            descriptors = resource_use{*open, number_behind(limits, "Max open files").value_or(0)};
        }
    }
    if (!lives) {
        return std::nullopt;
    }
    const group_room left = room_in_groups(root);
    if (memory) {
        const auto box = number_in("/proc/meminfo", "MemAvailable:");
        const auto most =
            box ? std::min(kib * *box, left.memory.value_or(kib * *box)) : left.memory.value_or(0);
        memory->limit = box || left.memory ? memory->held + most : 0;
    }
    threads.limit = left.tasks ? threads.held + *left.tasks : threads.limit;
    return footprint{memory, all_seen ? descriptors : std::nullopt, threads};
}

// Those that were there at the last call, and what they have begun since. Nothing where the kernel keeps no lists of
// children. A member of a group that was never seen with a parent is found by a scan alone.
std::optional<std::vector<process_row>> cpu_meter::descent(const std::vector<pid_t>& roots) const {
    std::vector<process_row> out;
    std::set<pid_t> seen(roots.begin(), roots.end());
    std::vector<pid_t> next(seen.begin(), seen.end());
    const auto add = [&](const process_row& row) {
        out.push_back(row);
        const auto children = children_of(row.pid);
        for (const pid_t child : children.value_or(std::vector<pid_t>{})) {
            if (seen.insert(child).second) {
                next.push_back(child);
            }
        }
        return children.has_value();
    };
    for (const auto& [pid, before] : processes_) {
        const auto row = seen.contains(pid) ? std::nullopt : read_process(pid);
        if (row && row->start_time == before.start_time) {
            seen.insert(pid);
            if (!add(*row)) {
                return std::nullopt;
            }
        }
    }
    for (std::size_t at = 0; at < next.size(); ++at) {
        const auto row = read_process(next[at]);
        if (row && !add(*row)) {
            return std::nullopt;
        }
    }
    return out;
}

cpu_time cpu_meter::look(const std::vector<pid_t>& roots) {
    constexpr core::seconds between_scans{5};
    ++calls_;
    const core::steady_time now = std::chrono::steady_clock::now();
    auto family = now < scan_again_ ? descent(roots) : std::nullopt;
    if (!family) {
        family = family_of(roots);
        scan_again_ = now + between_scans;
    }
    std::uint64_t pages = 0;
    for (const process_row& row : *family) {
        pages += row.resident_pages;
        known& before = processes_[row.pid];
        const std::uint64_t waited = waited_by(row.pid);
        if (before.start_time != row.start_time) {
            // What began since the last call is new with all it used; at the first call nothing is.
            before = {row.start_time, calls_ == 1 ? row.used_ticks : 0, calls_ == 1 ? waited : 0, calls_};
        }
        waited_ += std::max(waited, before.waited) - before.waited;
        before.waited = waited;
        total_ += std::max(row.used_ticks, before.ticks) - before.ticks;
        before.ticks = std::max(row.used_ticks, before.ticks);
        before.seen = calls_;
    }
    std::erase_if(processes_, [this](const auto& each) { return each.second.seen != calls_; });
    const auto per_second = static_cast<std::uint64_t>(std::max(::sysconf(_SC_CLK_TCK), 1L));
    constexpr std::uint64_t second = 1'000'000'000;
    const std::uint64_t used = total_ / per_second * second + total_ % per_second * (second / per_second);
    return {core::nanoseconds(static_cast<std::int64_t>(used)),
            core::nanoseconds(static_cast<std::int64_t>(waited_)),
            pages * static_cast<std::uint64_t>(std::max(::sysconf(_SC_PAGESIZE), 1L))};
}

unsigned usable_processors() {
    cpu_set_t usable;
    CPU_ZERO(&usable);
    const bool known = ::sched_getaffinity(0, sizeof usable, &usable) == 0;
    const long online = ::sysconf(_SC_NPROCESSORS_ONLN);
    const int count = known ? CPU_COUNT(&usable) : static_cast<int>(online);
    return static_cast<unsigned>(std::max(count, 1));
}

}  // namespace corral::process
