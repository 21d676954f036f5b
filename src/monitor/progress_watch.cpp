#include "corral/monitor/progress_watch.hpp"

#include <fmt/format.h>

namespace corral::monitor {

namespace {

long long whole_seconds(core::nanoseconds span) {
    return std::chrono::duration_cast<core::seconds>(span).count();
}

}  // namespace

std::optional<std::string> progress_watch::stuck(const work_view& seen, core::steady_time now) {
    const bool moved = seen.granted != granted_;
    granted_ = seen.granted;
    if (seen.neglected == 0) {
        neglected_since_.reset();
    } else if (moved || !neglected_since_) {
        neglected_since_ = now;
    }
    if (seen.overdue > options_.overrun) {
        return fmt::format("a request runs {} s past its deadline", whole_seconds(seen.overdue));
    }
    if (neglected_since_ && now - *neglected_since_ >= options_.neglect) {
        return fmt::format("{} requests have waited {} s for a runtime that is ready and free",
                           seen.neglected, whole_seconds(now - *neglected_since_));
    }
    return std::nullopt;
}

}  // namespace corral::monitor
