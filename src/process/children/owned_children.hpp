#pragma once
// Children whose status somebody still waits for; reap_orphans must leave them alone
// (docs/facts/platform_traps.md#stolen-status). Used from the one permanent thread only.

#include <sys/types.h>

namespace corral::process {

void own_child(pid_t pid);
void disown_child(pid_t pid);
[[nodiscard]] bool is_owned_child(pid_t pid);

}  // namespace corral::process
