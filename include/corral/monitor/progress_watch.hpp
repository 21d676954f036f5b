#pragma once
// Whether work advances: a loop that turns while requests stand still is as dead as one that does not. Asked
// before the service manager's watchdog is fed. Decides only.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "corral/core/time.hpp"

namespace corral::monitor {

// What can be seen of the work at one moment.
struct work_view {
    std::uint64_t granted = 0;     // leases so far
    std::size_t neglected = 0;     // requests that wait although their backend is ready and free
    core::nanoseconds overdue{0};  // of the running request that is longest past its deadline
};

struct progress_watch_options {
    // Neglect is repaired within one turn of the loop, so this is an eternity.
    core::milliseconds neglect{30'000};
    // Beyond a request's deadline its run is scrubbed, and the runtime restarted where that fails; past the
    // ceilings of these clocks the run has got lost.
    core::milliseconds overrun{300'000};
};

class progress_watch {
public:
    explicit progress_watch(progress_watch_options options = {}) : options_(options) {}

    // Nothing while work advances, or there is none; else what stands still, one plain sentence.
    [[nodiscard]] std::optional<std::string> stuck(const work_view& seen, core::steady_time now);

private:
    progress_watch_options options_;
    std::optional<core::steady_time> neglected_since_;
    std::uint64_t granted_ = 0;
};

}  // namespace corral::monitor
