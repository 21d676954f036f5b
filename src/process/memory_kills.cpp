#include "corral/process/memory_kills.hpp"

#include <charconv>
#include <string>

#include "process/proc_files.hpp"

namespace corral::process {

std::uint64_t memory_kills_in(std::string_view vmstat) {
    constexpr std::string_view name = "oom_kill ";
    while (!vmstat.empty()) {
        const std::string_view line = vmstat.substr(0, vmstat.find('\n'));
        vmstat.remove_prefix(line.size() + (line.size() < vmstat.size() ? 1 : 0));
        std::uint64_t count = 0;
        if (line.starts_with(name)) {
            std::from_chars(line.data() + name.size(), line.data() + line.size(), count);
            return count;
        }
    }
    return 0;
}

std::optional<int> oom_score(pid_t pid) {
    const auto text = read_file("/proc/" + std::to_string(pid) + "/oom_score_adj", 16);
    int score = 0;
    const bool read =
        text && std::from_chars(text->data(), text->data() + text->size(), score).ec == std::errc{};
    return read ? std::optional(score) : std::nullopt;
}

std::uint64_t memory_kills() {
    constexpr std::size_t longest = std::size_t{64} * 1024;
    const auto text = read_file("/proc/vmstat", longest);
    return text ? memory_kills_in(*text) : 0;
}

}  // namespace corral::process
