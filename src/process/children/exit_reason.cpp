#include "corral/process/exit_reason.hpp"

#include <charconv>
#include <cstring>

#include "corral/core/say.hpp"
#include "process/proc_files.hpp"

namespace corral::process {

namespace {

std::string signal_name(int number) {
    const char* name = ::sigabbrev_np(number);
    return name != nullptr ? std::string("SIG") + name : "signal " + std::to_string(number);
}

struct describer {
    core::reason operator()(const exited_with& how) const {
        return core::say("service.exit/status", how.code);
    }
    core::reason operator()(const killed_by& how) const {
        return how.core_dumped ? core::say("service.exit/core", signal_name(how.signal))
                               : core::say("service.exit/signal", signal_name(how.signal));
    }
    core::reason operator()(const lost_track& how) const {
        return core::say("service.exit/unknown", how.why);
    }
};

}  // namespace

core::reason describe(const exit_reason& how) {
    return std::visit(describer{}, how);
}

namespace {

constexpr std::uint32_t inside_exit = 0x4;  // PF_EXITING of the kernel's linux/sched.h; shown by proc(5) stat
constexpr int flags_field = 6;              // counted from the state, which is 0

}  // namespace

bool is_ending(pid_t pid) {
    const auto text = read_file("/proc/" + std::to_string(pid) + "/stat", 4096);
    const auto row = text ? parse_process(*text) : std::nullopt;
    if (!row || row->ended()) {
        return true;
    }
    std::string_view rest(*text);
    rest.remove_prefix(rest.rfind(')') + 2);  // parse_process() has found both
    for (int field = 0; field < flags_field; ++field) {
        const std::size_t blank = rest.find(' ');
        if (blank == std::string_view::npos) {
            return false;
        }
        rest.remove_prefix(blank + 1);
    }
    std::uint32_t flags = 0;
    const auto read = std::from_chars(rest.data(), rest.data() + rest.size(), flags);
    return read.ec == std::errc{} && (flags & inside_exit) != 0;
}

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
