#pragma once
// Whether the memory of a process that was unloaded has come back, in the device's own figures. Decides only;
// memory in MB is MiB, as in device/gate_policy.hpp.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "corral/device/report.hpp"

namespace corral::monitor {

// What is known of the process's share of one card, from the last look before its end.
struct held_share {
    unsigned card = 0;
    bool listed = false;                // the tool named the process
    std::uint64_t mb = 0;               // what it held there
    std::optional<std::uint64_t> used;  // of the whole card
};

// `at`: the last look while `pid` lived; `claimed_mb`: what it was known to take of this card, 0: not known.
[[nodiscard]] held_share share_of(const device::device_report& at, unsigned card, pid_t pid,
                                  std::uint64_t claimed_mb);

enum class memory_reclaim { all, not_yet, unknown };

struct memory_reclaim_decision {
    memory_reclaim answer = memory_reclaim::unknown;
    std::uint64_t missing_mb = 0;  // not_yet: what has not come back
    std::string held_by;           // not_yet: "the ended process 1234"; may be empty
    std::string figures;           // "card 0: 18 of 7040 MB in use"; may be empty
};

// `quiet`: no other process of ours has begun or ended on the device since the process ended, so that sums can be
// compared; where the tool lists processes that does not matter.
[[nodiscard]] memory_reclaim_decision judge_memory_reclaim(const held_share& before, pid_t pid,
                                                           const device::device_report& now, bool quiet);

}  // namespace corral::monitor
