#pragma once
// This very process: its program, its control group, its descriptors, and its next image.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/core/result.hpp"

namespace corral::process {

// Where the programs of this installation are. They lie in one folder.

// The file of this process; empty where /proc does not say.
[[nodiscard]] std::filesystem::path own_program();

// The program `name` of the same folder, which need not be there.
[[nodiscard]] std::filesystem::path program_beside(std::string_view name);

// `program` as it was called (`argv0`, by PATH where that has no '/'), so that a symbolic link that is turned to another
// version is followed at the next upgrade; `program` itself where `argv0` is another one.
[[nodiscard]] std::string as_called(const std::string& argv0, const std::filesystem::path& program);

// The control group (v2) of this very process. The kernel accounts and limits memory and tasks only below a group that no
// process is in itself (https://docs.kernel.org/admin-guide/cgroup-v2.html#no-internal-process-constraint).

// Where a service manager has given our group to us (`Delegate=`), this process and its children move into a group of
// their own below it, and memory and tasks are accounted for all groups beside that. Elsewhere nothing changes. Why it
// did not work is reported by the children whose limits need it (child::limits_refused). Blocking, some 10 ms; call it before
// the first thread and the first child.
void divide_own_cgroup();

// How many descriptors the daemon may hold, and what its children get instead
// (docs/facts/platform_traps.md#descriptor-limit).

// Raises our soft limit of open descriptors to the hard one and remembers the old one, which every child
// started later gets back: old programs loop over all descriptors up to their limit. Call once, early. Fails
// with the errno of the system.
core::result<void> raise_descriptor_limit();

// The soft limit that children get back; nothing when ours was not raised. An image of this process that
// takes over from an earlier one finds its limit raised already, and gets the old one by the second.
[[nodiscard]] std::optional<std::uint64_t> descriptor_limit_of_children();
void set_descriptor_limit_of_children(std::uint64_t soft);

// One image of this program in the place of another, and what it leaves to the next:
// execve of this very process, done so that what is handed over stays open, nothing else does, and a failure
// leaves everything as it was (docs/facts/platform_traps.md#exec-in-place).

// Replaces this process's program. `kept` stay open, above 2; all other descriptors above 2 close. Returns
// only when that failed. All signals are blocked from here on, so that none ends the new image before it can
// hear them: it calls unblock_signals() once it does. REQUIRES: called on the one permanent thread, with no
// other one running.
[[nodiscard]] core::failure replace_image(const std::string& program,
                                          const std::vector<std::string>& arguments,
                                          const std::map<std::string, std::string>& environment,
                                          const std::vector<int>& kept);

void unblock_signals();

// From now on every open descriptor above 2 closes at an exec. False when the kernel refuses. May be called
// between fork and exec.
bool close_everything_on_exec();
// Closes every descriptor above 2 now. For an image that can't use what it inherited.
void close_everything();

// A text that one image of this process leaves to the next: an anonymous file that can't be changed any
// more.

// A close-on-exec descriptor, the caller's to close.
[[nodiscard]] core::result<int> make_sealed_memory(const std::string& text);
// All of it. Fails when `fd` is no such file or holds more than `limit` bytes. Leaves it open.
[[nodiscard]] core::result<std::string> read_sealed_memory(int fd, std::size_t limit);

}  // namespace corral::process
