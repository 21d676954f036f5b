#pragma once
// A control group that the processes of one model share, with the limits of what they use together, and what the kernel
// has counted there. Below the folder where children get their groups (child_cgroup.hpp).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "corral/core/result.hpp"
#include "corral/process/child.hpp"
#include "process/children/child_cgroup.hpp"

namespace corral::process {

// The part of a group's name that says which model's it is, and under which limits; new limits are another group.
// Letters that no folder or log should have are written as %41; 180 bytes at most.
[[nodiscard]] std::string model_part(const shared_limits& limits);

// "memory", "pids": what `limits` needs and is not in `enabled`, the text of a cgroup.subtree_control; empty: nothing.
[[nodiscard]] std::string missing_controllers(std::string_view enabled, const shared_limits& limits);

// The folder of that model's group below `base`, made where it is not there, with its limits in force. A failure is a
// clause that says why they can't be.
[[nodiscard]] core::result<std::string> open_model_cgroup(const std::string& base,
                                                          const shared_limits& limits);

// Of memory.events (https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files).
struct memory_counts {
    std::uint64_t kills = 0;   // oom_kill
    std::uint64_t limits = 0;  // oom: the group's own limit was met, and nothing could be freed
    bool operator==(const memory_counts&) const = default;
};
[[nodiscard]] std::optional<memory_counts> parse_memory_events(std::string_view text);
// The kills in a child's group and the limits met in the model's above it, which has both where the child's own account is
// missing; nothing: memory is not accounted there.
[[nodiscard]] std::optional<memory_counts> read_memory_counts(const std::string& folder);

// `max` of pids.events, of the model's group above that of a child: tasks that were refused there; 0 where none are counted.
[[nodiscard]] std::uint64_t read_refused_tasks(const std::string& folder);

// A child's own group, in that of its model where this has limits.
struct limited_group {
    [[nodiscard]] static limited_group make(const shared_limits& limits);
    // That an earlier image of this process gave to that child.
    [[nodiscard]] static limited_group of(pid_t child);
    void count();  // what is so by now was before
    [[nodiscard]] std::optional<memory_losses> lost() const;
    [[nodiscard]] std::uint64_t refused_tasks() const;

    std::optional<child_cgroup> group;
    std::string refused;                  // why the limits are not in force, a clause
    std::optional<memory_counts> before;  // what was counted when it began
    std::uint64_t refused_before = 0;     // tasks
};

// Moves this process and its children out of `base`, when they are in it, and turns on the accounts of the groups below
// it. What failed is found again by open_model_cgroup().
void divide_cgroup(const std::string& base);
// The name of the group that these move into.
constexpr std::string_view own_part = "supervisor";

}  // namespace corral::process
