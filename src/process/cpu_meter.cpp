#include "corral/process/cpu_meter.hpp"

#include <algorithm>
#include <charconv>
#include <string>
#include <system_error>

#include <sched.h>
#include <unistd.h>

#include "process/proc_files.hpp"

namespace corral::process {

namespace {

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

cpu_time cpu_meter::look(const std::vector<pid_t>& roots) {
    ++calls_;
    std::uint64_t pages = 0;
    for (const process_row& row : family_of(roots)) {
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
