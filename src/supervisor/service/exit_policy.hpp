#pragma once
// Why a service that was not stopped has ended, in one sentence, and what to do about it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/catalog/profile.hpp"
#include "corral/process/exit_reason.hpp"

namespace corral::supervisor {

// Exit code, or 128 + signal, as the profile's exit_meaning counts; nothing when track of the process was
// lost.
[[nodiscard]] std::optional<int> exit_status(const process::exit_reason& reason);

// `text` and, where it is there, the line that shows it: "A library is missing. It said: cannot open libx.so".
[[nodiscard]] core::reason with_line(const core::reason& text, std::string_view said);

struct exit_story {
    core::reason reason;  // that it ended by itself, and `how`
    core::reason how;     // "killed by SIGSEGV. The runtime crashed."
    std::string advice;
    bool from_outside = false;  // a signal that a fault of its own does not raise, or memory that ran out
    // The service whose doing it may be, as the profile says (catalog::exit_meaning); empty: its own, or of none; nothing:
    // nothing is known of it.
    std::optional<std::string> blames{};
};

// What the kernel has done for want of memory since a service began.
struct memory_case {
    std::uint64_t kills = 0;     // processes
    bool own = false;            // of this model, by the account of its control group; else of the machine
    std::uint64_t limit_mb = 0;  // of [limits], where that was met
};
// Names a death by a SIGKILL from outside as the kernel's where that has killed for want of memory, and adds to another
// end that a process of the model was.
void blame_memory(exit_story& story, const process::exit_reason& how, const memory_case& found);

// Adds that the model's limit of `most` processes and threads refused one while the service loaded.
void blame_tasks(exit_story& story, std::uint64_t most);

// Names a start that failed for want of processes or threads as that, and quotes `said`, as explain_exit() does.
void blame_refused_tasks(exit_story& story, const process::exit_reason& how, std::string_view said);

// The end is what the signals `sent` to the process lead to: death by one of them, or an exit of its own
// after one that asks for it. One whose track was lost counts too.
[[nodiscard]] bool explained_by(const process::exit_reason& reason, const std::vector<int>& sent);

// `printed` is what the service itself said of its trouble while loading (may be null); it knows more than a
// status. `remarked` is what a line meant that it printed while serving (may be null): a guess, for such a
// line may be the words of a prompt. What is known of a start counts only for one that was never `ready`, and so
// does `said`, the line that tells most of its trouble (may be empty), which is quoted.
[[nodiscard]] exit_story explain_exit(const catalog::service_template& rules, const process::exit_reason& how,
                                      const catalog::log_meaning* printed,
                                      const catalog::log_meaning* remarked = nullptr, bool ready = false,
                                      std::string_view said = {});

}  // namespace corral::supervisor
