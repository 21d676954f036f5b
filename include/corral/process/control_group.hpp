#pragma once
// The control group (v2) of this very process. The kernel accounts and limits memory and tasks only below a group that no
// process is in itself (https://docs.kernel.org/admin-guide/cgroup-v2.html#no-internal-process-constraint).

namespace corral::process {

// Where a service manager has given our group to us (`Delegate=`), this process and its children move into a group of
// their own below it, and memory and tasks are accounted for all groups beside that. Elsewhere nothing changes. Why it
// did not work is reported by the children whose limits need it (child::limits_refused). Blocking, some 10 ms; call it before
// the first thread and the first child.
void divide_own_cgroup();

}  // namespace corral::process
