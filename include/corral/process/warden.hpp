#pragma once
// A small process forked first: it holds the read end of a pipe from the daemon and learns of every process
// group. When the pipe ends, for whatever reason, it kills those groups and everything that carries our
// environment token, because the parent-death signal does not reach grandchildren
// (docs/facts/platform_traps.md#parent-death-signal). It works for 2 s at most and exits.

#include <optional>
#include <set>
#include <string>
#include <vector>

#include <sys/types.h>

#include "corral/core/result.hpp"

namespace corral::process {

// A warden as another image of this very process needs it; the descriptor stays with whoever hands it over.
struct warden_handover {
    int pipe = -1;
    pid_t pid = 0;  // 0: it is dead
    std::string token;
    std::set<pid_t> groups;
};

class warden {
public:
    // Forks the warden. Call before any thread or io_context exists. The calling process becomes a child
    // subreaper where the system allows it; orphans_refused() says where it doesn't.
    [[nodiscard]] static core::result<warden> start();
    // Goes on with the warden that an earlier image of this process started, and with its token. Takes the
    // pipe when it succeeds; fails, and takes nothing, when these are not this process's own.
    [[nodiscard]] static core::result<warden> adopt(warden_handover from);
    [[nodiscard]] warden_handover hand_over() const;
    warden(warden&& other) noexcept;
    warden& operator=(warden&&) = delete;
    // Closes the pipe: the warden kills what it still knows of and ends. Waits for it, 3 s at most.
    ~warden();

    // The name and value of the variable that every child must carry, unique to this run.
    [[nodiscard]] static const char* token_name() noexcept { return "CORRAL_TOKEN"; }
    [[nodiscard]] const std::string& token() const noexcept { return token_; }
    [[nodiscard]] pid_t pid() const noexcept { return pid_; }

    // Why orphans of our children go to another parent; nothing where they come to us (Linux 3.4 and later, outside of
    // sandboxes and emulators that refuse it). An orphan elsewhere is killed by its mark of birth and its control group,
    // and reaped by that parent.
    [[nodiscard]] const std::optional<core::failure>& orphans_refused() const noexcept { return refusal_; }

    // Never block. A failure means that the warden is gone or stuck; it still finds by the token
    // what it missed.
    core::result<void> watch_group(pid_t group);
    core::result<void> forget_group(pid_t group);
    // Starts another when somebody has killed the present one, and tells it all groups; true when it had to.
    // Never waits. Call it now and then, from the one permanent thread.
    [[nodiscard]] core::result<bool> look_after();

private:
    warden(int pipe, pid_t pid, std::string token) : pipe_(pipe), pid_(pid), token_(std::move(token)) {}
    int pipe_;
    pid_t pid_;  // 0: dead and reaped, or moved from
    std::string token_;
    std::set<pid_t> groups_;
    std::optional<core::failure> refusal_;
};

// Reaps adopted orphans (we are their subreaper) without stealing the status of our own children
// (docs/facts/platform_traps.md#stolen-status). Call after any child ended and now and then. Returns how many
// were reaped.
std::size_t reap_orphans();
// Children started through child::spawn that must not be reaped by reap_orphans are known to it by
// themselves.

// SIGKILLs adopted orphans that no living child of ours has begotten: helpers of a service or a status tool that has
// ended. Returns how many were alive. REQUIRES: what an earlier image of this process handed over was taken over.
std::size_t kill_ownerless();

// Kills every process (of this user) whose environment carries `token_name()` with another value than
// `own_token`, or that has a mark of birth, and whose daemon is gone (both name its pid): left-overs of
// a killed daemon, also while its warden is still at work. Never by name. Blocks, 1 s at most: call it before
// the loop runs. Returns the pids.
std::vector<pid_t> kill_strays(const std::string& own_token);

}  // namespace corral::process
