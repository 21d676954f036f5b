#pragma once
// Starts, signals and reaps one child truthfully. Own launcher behind Process v2's handle, because the
// default one has the defects of docs/facts/platform_traps.md#processes. The child gets its own process
// group, a parent-death signal, default signal dispositions and mask, closed descriptors, and exactly the
// environment named here.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "corral/core/async.hpp"
#include "corral/core/result.hpp"
#include "corral/process/exit_reason.hpp"

namespace corral::process {

// pty: standard output only, so that a C library flushes line by line; pty_or_pipe: a pipe where the system has none.
enum class stdio_kind { pipe, pty, pty_or_pipe };
enum class output_stream { out, err };

// What a child may use; 0 or nothing: as much as we may ourselves. Its core dumps are always off.
struct resource_limits {
    std::uint64_t memory =
        0;  // bytes of private memory (RLIMIT_DATA): heap, stacks of threads, not mapped files
    std::uint64_t descriptors = 0;  // open at once
    int nice = 0;                   // added to ours, 0 to 19
};

// What children that name the same group may use together, in a control group that they share; 0: no limit.
struct shared_limits {
    std::string group;         // the model's label
    std::uint64_t memory = 0;  // bytes, its page cache included; none of it is swapped
    std::uint64_t tasks = 0;   // processes and threads
    [[nodiscard]] bool any() const noexcept { return memory != 0 || tasks != 0; }
};

// What the kernel has done in the control group of a child for want of memory since that child began.
struct memory_losses {
    std::uint64_t kills = 0;  // processes
    bool at_limit =
        false;  // the shared limit was met; else the machine's memory, or a limit above, had run out
};

struct spawn_spec {
    std::vector<std::string> command;  // argv; argv[0] without '/' is looked up in `environment`'s PATH
    std::map<std::string, std::string> environment;  // the whole environment
    std::string working_directory;                   // empty: ours
    stdio_kind stdio = stdio_kind::pipe;
    resource_limits limits{};
    bool own_cgroup = false;   // in a control group of its own, where we may make one
    shared_limits together{};  // with own_cgroup alone; where they can't be set the child starts without them
};

// A child as another image of this very process needs it to go on with it: execve keeps pid and children
// (docs/facts/platform_traps.md#exec-in-place).
struct child_handover {
    pid_t pid = 0;
    int out = -1;  // our end of its streams; -1: that stream has ended
    int err = -1;
    bool pty = false;
};

// Environment for a child: PATH, HOME, LANG, LC_*, TZ, TMPDIR, LD_LIBRARY_PATH, USER of ours where set,
// nothing else.
[[nodiscard]] std::map<std::string, std::string> clean_environment();

// A running or ended child. Destroying it before it was reaped leaves the reaping to the `orphan_reaper`,
// never blocks and never kills.
class child {
public:
    // Starts `spec`, and waits for no disk: whether the program can be executed is known later, by executed() and
    // failed_start(). Fails where there can be no process. REQUIRES: called on the one permanent thread.
    [[nodiscard]] static core::result<child> spawn(const core::executor& on, const spawn_spec& spec);

    // The descriptors stay this object's.
    [[nodiscard]] child_handover hand_over() const;
    // Goes on with a child of an earlier image of this process. One that has ended meanwhile is still a
    // zombie of ours, and wait() tells how. Takes the descriptors, also where it fails after can_adopt()
    // would have succeeded (no memory, no descriptors left).
    [[nodiscard]] static core::result<child> adopt(const core::executor& on, const child_handover& handover);
    // Fails, and takes nothing, when it is not our child and the leader of its group, or its streams can't be
    // read from.
    [[nodiscard]] static core::result<void> can_adopt(const child_handover& handover);

    child(child&&) noexcept;
    child& operator=(child&&) noexcept;
    ~child();

    [[nodiscard]] pid_t pid() const noexcept;

    // Completes when the child has ended and was reaped; may be awaited again. Noticed through a pidfd.
    // Cancellation ends the wait with lost_track{operation_aborted} and reaps nothing.
    [[nodiscard]] core::awaitable<exit_reason> wait();

    // Completes when the program runs, or never will; before that the process is still an image of ours. May take for
    // ever: ask wait() too.
    [[nodiscard]] core::awaitable<void> executed();
    // Why the program never ran, with the stage and errno of the child ("cannot execute './main_api': Permission
    // denied ..."); known once wait() has completed.
    [[nodiscard]] const std::optional<core::failure>& failed_start() const noexcept;

    // Why `together` is not in force, as a clause; empty: it is, or nothing was asked for.
    [[nodiscard]] const std::string& limits_refused() const noexcept;
    // Why its output comes by a pipe although a terminal was wanted, in the system's words; empty: it does not.
    [[nodiscard]] const std::string& terminal_refused() const noexcept;
    // Nothing where the kernel keeps no account of memory for this child.
    [[nodiscard]] std::optional<memory_losses> memory_lost() const;
    // How often the kernel has refused a process or thread for the limit of `together`, to any child that shares it, since
    // this one began.
    [[nodiscard]] std::uint64_t tasks_refused() const;

    // Signals the leader, or the whole group (also after the leader was reaped, while group members live).
    // ESRCH is success.
    [[nodiscard]] core::result<void> signal_leader(int number);
    [[nodiscard]] core::result<void> signal_group(int number);
    // It has ended, whether or not wait() has told so yet.
    [[nodiscard]] bool ended() const noexcept;
    // A signal stopped it, whether or not another one has let it go on since. Ours are none of these.
    [[nodiscard]] bool halted() const noexcept;
    // True while any process of the child's group exists.
    [[nodiscard]] bool group_alive() const;
    // SIGKILLs all that the child has begotten and what is left of its group and of its control group, wherever these went and whoever their
    // parents are by now. False while one of them lives: ask again until it is true, with reap_orphans() in between.
    [[nodiscard]] bool kill_family();

    // Reads up to 64 KiB from that stream. An empty string means its end (EOF, or EIO of a pty).
    [[nodiscard]] core::awaitable<core::result<std::string>> read(output_stream stream);

private:
    struct state;
    explicit child(std::shared_ptr<state> s);
    std::shared_ptr<state> state_;
};

}  // namespace corral::process
