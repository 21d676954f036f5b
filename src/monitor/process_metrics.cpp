// What the kernel says of this process, under the names that every Prometheus client gives them. /proc is
// memory; nothing of it waits.

#include <fstream>
#include <optional>
#include <string>

#include <dirent.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "corral/monitor/metric_sources.hpp"

namespace corral::monitor {

namespace {

double seconds_in(const timeval& span) {
    constexpr double micro = 1e-6;
    return static_cast<double>(span.tv_sec) + static_cast<double>(span.tv_usec) * micro;
}

struct memory_pages {
    double whole = 0;
    double resident = 0;
};

std::optional<memory_pages> read_pages() {
    std::ifstream in("/proc/self/statm");
    memory_pages out;
    return in >> out.whole >> out.resident ? std::optional(out) : std::nullopt;
}

std::optional<double> count_descriptors() {
    DIR* const folder = ::opendir("/proc/self/fd");
    if (folder == nullptr) {
        return std::nullopt;
    }
    double found = 0;
    while (const dirent* one = ::readdir(folder)) {
        found += one->d_name[0] != '.' ? 1 : 0;
    }
    ::closedir(folder);
    return found - 1;  // the one that looks
}

}  // namespace

void collect_process(telemetry::metric_page& page) {
    if (const auto pages = read_pages()) {
        const auto size = static_cast<double>(::sysconf(_SC_PAGESIZE));
        page.gauge("process_resident_memory_bytes", "Resident memory size in bytes.", {},
                   pages->resident * size);
        page.gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", {}, pages->whole * size);
    }
    if (const auto open = count_descriptors()) {
        page.gauge("process_open_fds", "Number of open file descriptors.", {}, *open);
    }
    rlimit most{};
    if (::getrlimit(RLIMIT_NOFILE, &most) == 0) {
        page.gauge("process_max_fds", "Maximum number of open file descriptors.", {},
                   static_cast<double>(most.rlim_cur));
    }
    rusage used{};
    if (::getrusage(RUSAGE_SELF, &used) == 0) {
        page.counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", {},
                     seconds_in(used.ru_utime) + seconds_in(used.ru_stime));
    }
}

}  // namespace corral::monitor
