#pragma once
// One image of this program in the place of another, and what it leaves to the next.

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "corral/core/result.hpp"

namespace corral::process {

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
