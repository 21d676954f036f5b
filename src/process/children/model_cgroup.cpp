#include "process/children/model_cgroup.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/process/own_process.hpp"
#include "process/proc_files.hpp"

namespace corral::process {

namespace {

constexpr std::size_t most_text = std::size_t{1024} * 1024;
constexpr std::size_t longest_part = 180;  // of 255 that a name may have, with the daemon's numbers before it
constexpr std::array<std::string_view, 2> controllers = {"memory", "pids"};

bool has_word(std::string_view text, std::string_view word) {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find_first_of(" \n"), text.size());
        if (text.substr(0, end) == word) {
            return true;
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return false;
}

std::optional<std::uint64_t> value_of(std::string_view text, std::string_view key) {
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        std::uint64_t value = 0;
        if (line.starts_with(key) && line.substr(key.size()).starts_with(' ') &&
            std::from_chars(line.data() + key.size() + 1, line.data() + line.size(), value).ec ==
                std::errc{}) {
            return value;
        }
    }
    return std::nullopt;
}

std::string why_refused() {
    return core::errno_failure(errno, {}).code.message();
}

// Why the accounts of that controller are off below `base`, and what turns them on.
core::reason why_off(const std::string& base, const std::string& controller) {
    const auto offered = read_file(base + "/cgroup.controllers", most_text);
    if (offered && has_word(*offered, controller)) {
        return core::say("service.without-limits/others", base);
    }
    return controller == "memory" ? core::say("service.without-limits/memory", base)
                                  : core::say("service.without-limits/controller", controller, base);
}

core::failure limits_refused(core::reason why) {
    return core::make_failure(core::errc::unavailable, std::move(why));
}

core::result<void> set_limit(const std::string& folder, const char* file, std::uint64_t value) {
    if (value != 0 && !write_group_file(folder + '/' + file, std::to_string(value))) {
        return limits_refused(
            core::say("service.without-limits/value", value, folder + '/' + file, why_refused()));
    }
    return {};
}

bool is_ours(pid_t pid) {
    const auto row = read_process(pid);
    return pid == ::getpid() || (row && row->parent == ::getpid());
}

}  // namespace

std::string model_part(const shared_limits& limits) {
    constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:@-,";
    std::string out = "m" + std::to_string(limits.memory) + ".t" + std::to_string(limits.tasks) + '.';
    std::uint32_t sum = 2166136261U;  // FNV-1a, so that two long names stay two
    for (const char letter : limits.group) {
        const auto byte = static_cast<unsigned char>(letter);
        sum = (sum ^ byte) * 16777619U;
        if (plain.find(letter) != std::string_view::npos) {
            out += letter;
        } else {
            out += '%';
            core::append_hex(out, byte);
        }
    }
    if (out.size() > longest_part) {
        const std::string tail = '%' + std::to_string(sum);
        out.resize(longest_part - tail.size());
        out += tail;
    }
    return out;
}

std::string missing_controllers(std::string_view enabled, const shared_limits& limits) {
    const std::array<bool, 2> wanted = {limits.memory != 0, limits.tasks != 0};
    for (std::size_t i = 0; i < controllers.size(); ++i) {
        if (wanted[i] && !has_word(enabled, controllers[i])) {
            return std::string(controllers[i]);
        }
    }
    return {};
}

core::result<std::string> open_model_cgroup(const std::string& base, const shared_limits& limits) {
    const auto owner = own_cgroup_name();
    if (base.empty() || !owner) {
        return limits_refused(core::say("service.without-limits/none"));
    }
    const auto enabled = read_file(base + "/cgroup.subtree_control", most_text);
    if (const std::string missing = missing_controllers(enabled.value_or(""), limits); !missing.empty()) {
        return limits_refused(why_off(base, missing));
    }
    cgroup_name name = *owner;
    name.model = model_part(limits);
    const std::string folder = base + '/' + text_of(name);
    if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST) {
        return limits_refused(core::say("service.without-limits/group", folder, why_refused()));
    }
    for (const auto& [file, value] : {std::pair{"memory.max", limits.memory}, {"pids.max", limits.tasks}}) {
        if (auto set = set_limit(folder, file, value); !set) {
            ::rmdir(folder.c_str());  // stays where another service of the model is in it
            return set.error();
        }
    }
    if (limits.memory != 0) {
        // A runtime beyond its limit would go on at the pace of the disk. Kernels without swap have no such file.
        static_cast<void>(write_group_file(folder + "/memory.swap.max", "0"));
        // An account for each service, so that no one's death is explained by another's.
        static_cast<void>(write_group_file(folder + "/cgroup.subtree_control", "+memory"));
    }
    return folder;
}

std::optional<memory_counts> parse_memory_events(std::string_view text) {
    const auto kills = value_of(text, "oom_kill");
    return kills ? std::optional(memory_counts{*kills, value_of(text, "oom").value_or(0)}) : std::nullopt;
}

// The kernel counts a death in the group of the one that died, and a limit that was met where it is set.
std::optional<memory_counts> read_memory_counts(const std::string& folder) {
    const auto counts_in = [](const std::string& group) {
        const auto text = read_file(group + "/memory.events", most_text);
        return text ? parse_memory_events(*text) : std::nullopt;
    };
    auto counts = counts_in(folder);
    if (!is_in_model_cgroup(folder)) {
        return counts;
    }
    const auto shared = counts_in(folder.substr(0, folder.rfind('/')));
    if (counts && shared) {
        counts->limits = shared->limits;
    }
    return counts ? counts : shared;
}

std::uint64_t read_refused_tasks(const std::string& folder) {
    const std::string file = folder.substr(0, folder.rfind('/')) + "/pids.events";
    const auto text = is_in_model_cgroup(folder) ? read_file(file, most_text) : std::nullopt;
    return text ? value_of(*text, "max").value_or(0) : 0;
}

limited_group limited_group::make(const shared_limits& limits) {
    limited_group out;
    if (limits.any()) {
        const auto folder = open_model_cgroup(cgroup_base(), limits);
        out.group = folder ? child_cgroup::make(*folder) : std::nullopt;
        out.refused = folder ? std::string() : folder.error().message.text();
        if (folder && !out.group) {
            out.refused = "no control group can be made in " + *folder + ": " + why_refused();
        }
    }
    // Without its limits rather than not at all.
    if (!out.group) {
        out.group = child_cgroup::make();
    }
    out.count();
    return out;
}

limited_group limited_group::of(pid_t child) {
    limited_group out;
    out.group = child_cgroup::of(child);
    out.count();
    return out;
}

void limited_group::count() {
    if (group) {
        before = read_memory_counts(group->folder());
        refused_before = read_refused_tasks(group->folder());
    }
}

std::uint64_t limited_group::refused_tasks() const {
    const std::uint64_t now = group ? read_refused_tasks(group->folder()) : 0;
    return now - std::min(now, refused_before);
}

std::optional<memory_losses> limited_group::lost() const {
    const auto now = before ? read_memory_counts(group->folder()) : std::nullopt;
    return now ? std::optional(memory_losses{now->kills - std::min(now->kills, before->kills),
                                             now->limits > before->limits})
               : std::nullopt;
}

void divide_cgroup(const std::string& base) {
    const std::string own = base + '/' + std::string(own_part);
    const std::string procs = read_file(base + "/cgroup.procs", most_text).value_or("");
    for (std::string_view rest = procs; !rest.empty();) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        pid_t pid = 0;
        std::from_chars(line.data(), line.data() + line.size(), pid);
        if (pid > 0 && is_ours(pid) && (::mkdir(own.c_str(), 0755) == 0 || errno == EEXIST)) {
            static_cast<void>(write_group_file(own + "/cgroup.procs", line));  // a limit then says why
        }
    }
    for (const std::string_view controller : controllers) {
        static_cast<void>(write_group_file(base + "/cgroup.subtree_control", '+' + std::string(controller)));
    }
    // The processes of a service, however many, leave Corral and each other service an equal share of the processors.
    static_cast<void>(write_group_file(base + "/cgroup.subtree_control", "+cpu"));
}

void divide_own_cgroup() {
    if (!cgroup_base().empty() && is_given(cgroup_base())) {
        divide_cgroup(cgroup_base());
    }
}

}  // namespace corral::process
