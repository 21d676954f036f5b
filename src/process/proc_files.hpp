#pragma once
// The few things that are read from /proc. Every answer may be out of date the moment it is given.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace corral::process {

// One line of /proc/<pid>/stat, as far as it is needed here.
struct process_row {
    pid_t pid = 0;
    char state = '?';
    pid_t parent = 0;
    pid_t group = 0;
    std::uint64_t used_ticks = 0;  // of processor time, by all its threads, in the kernel and out of it
    std::uint64_t resident_pages = 0;
    std::uint64_t start_time = 0;  // clock ticks since boot; tells a recycled pid from the old one
    [[nodiscard]] bool ended() const noexcept { return state == 'Z' || state == 'X'; }
};

// Empty when the file can't be read; cut at `limit` bytes.
[[nodiscard]] std::optional<std::string> read_file(const std::string& path, std::size_t limit);

[[nodiscard]] std::vector<pid_t> all_processes();
[[nodiscard]] std::vector<pid_t> threads_of(pid_t pid);
// Of `pid`, whichever of its threads began them; nothing where the kernel does not keep them (CONFIG_PROC_CHILDREN).
[[nodiscard]] std::optional<std::vector<pid_t>> children_of(pid_t pid);
// Of this process, whichever thread began or inherited them; the ended ones too.
[[nodiscard]] std::vector<pid_t> own_children();
[[nodiscard]] std::optional<process_row> read_process(pid_t pid);
// Rows of `roots`, their descendants and the members of their process groups.
[[nodiscard]] std::vector<process_row> family_of(const std::vector<pid_t>& roots);
// How many `pid` has open; nothing: that may not be read, or it has ended.
[[nodiscard]] std::optional<std::uint64_t> descriptors_of(pid_t pid);
// Parses the text of a stat file; the command name inside it may hold blanks, parentheses and line breaks.
[[nodiscard]] std::optional<process_row> parse_process(std::string_view text);

// Value of the variable `name` in the text of an environ file.
[[nodiscard]] std::optional<std::string> variable_in(std::string_view environment, std::string_view name);
// Value of the variable `name` in the environment that `pid` was started with.
[[nodiscard]] std::optional<std::string> environment_of(pid_t pid, std::string_view name);

}  // namespace corral::process
