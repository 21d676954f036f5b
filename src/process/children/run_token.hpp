#pragma once
// The word by which all processes of one run of the daemon can be told apart from everything else on the machine,
// and how to end those that carry it.

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace corral::process {

struct run_token {
    std::uint64_t pid_namespace = 0;  // inode: numbers mean nothing in another namespace
    pid_t daemon = 0;
    std::uint64_t daemon_start = 0;
    std::string nonce;
};

// Of this process; nullopt when /proc can't be read.
[[nodiscard]] std::optional<run_token> make_run_token();
[[nodiscard]] std::string to_string(const run_token& token);
[[nodiscard]] std::optional<run_token> parse_run_token(std::string_view text);
// True only when the daemon that made it is known to be gone: same namespace, and no living process of that
// number and start.
[[nodiscard]] bool daemon_is_gone(const run_token& token);

// SIGKILLs every process whose environment carries a token that `wanted` accepts, again and again until none
// is found or `limit` has passed (a process may fork while we look). Blocks. Returns the pids.
using token_filter = std::function<bool(pid_t pid, std::string_view token)>;
std::vector<pid_t> kill_token_carriers(const token_filter& wanted, std::chrono::milliseconds limit);

}  // namespace corral::process
