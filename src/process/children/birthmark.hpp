#pragma once
// The number by which all that a child of ours has begotten is known, whatever became of its environment, session and
// parents: its limit of file locks, which no kernel enforces and which fork and exec hand on
// (docs/facts/platform_traps.md#birthmark). Only root can raise it again. And the children whose status is ours to reap.

#include <cstdint>
#include <functional>
#include <optional>

#include <sys/types.h>

namespace corral::process {

struct birthmark {
    pid_t daemon = 0;
    pid_t leader = 0;     // the child that all of them descend from
    unsigned serial = 0;  // of its start, modulo 1024: the kernel gives a number again
    bool operator==(const birthmark&) const = default;
};

// Both are free of side effects, and so fit for the moment between fork and exec.
[[nodiscard]] std::uint64_t number_of(const birthmark& mark) noexcept;
[[nodiscard]] std::optional<birthmark> parse_birthmark(std::uint64_t number) noexcept;

// Nothing: it has none, is gone, or is another user's.
[[nodiscard]] std::optional<birthmark> birthmark_of(pid_t pid);

// SIGKILLs, in one pass over all processes but this one, those whose mark `wanted` accepts, by handles that can't
// reach another process of that number, not too many at once. Returns how many were alive; ask again until none is.
using mark_filter = std::function<bool(pid_t pid, const birthmark& mark)>;
std::size_t kill_marked(const mark_filter& wanted);
// The same for what descends from this very process, orphans included that the system gave to another parent.
std::size_t kill_marked_descendants(const birthmark& wanted);

// Its number means nothing in another.
[[nodiscard]] bool is_of_own_namespace(pid_t pid);
// Begotten by a daemon that is gone, in our own pid namespace.
[[nodiscard]] bool is_marked_stray(pid_t pid, const birthmark& mark);

// Children whose status somebody still waits for; reap_orphans must leave them alone
// (docs/facts/platform_traps.md#stolen-status). Used from the one permanent thread only.
void own_child(pid_t pid);
void disown_child(pid_t pid);
[[nodiscard]] bool is_owned_child(pid_t pid);

}  // namespace corral::process
