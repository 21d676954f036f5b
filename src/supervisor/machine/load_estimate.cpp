#include "supervisor/machine/load_estimate.hpp"

#include <algorithm>
#include <cmath>

namespace corral::supervisor {

namespace {

// The first steps of a bar are not like the others: the tokenizer is read before the layers.
constexpr double least_progress = 0.1;
constexpr double most_seconds = 24.0 * 3600.0;

double seconds_of(core::nanoseconds span) {
    return std::chrono::duration<double>(span).count();
}

}  // namespace

std::optional<core::seconds> load_time_left(std::optional<double> progress, core::nanoseconds elapsed,
                                            std::optional<core::nanoseconds> usual) {
    const double passed = std::max(seconds_of(elapsed), 0.0);
    const double at = std::clamp(progress.value_or(0.0), 0.0, 1.0);
    const bool bar_tells = at >= least_progress;
    const double by_bar = bar_tells ? passed * (1.0 - at) / at : 0.0;
    double left = by_bar;
    if (usual) {
        // The further the bar, the more it knows; the last load may have found its files in memory.
        const double by_habit = std::max(seconds_of(*usual) - passed, 0.0);
        left = bar_tells ? at * by_bar + (1.0 - at) * by_habit : by_habit;
        if (!bar_tells && by_habit <= 0.0) {
            return std::nullopt;
        }
    } else if (!bar_tells) {
        return std::nullopt;
    }
    return core::seconds{std::llround(std::clamp(std::ceil(left), 1.0, most_seconds))};
}

}  // namespace corral::supervisor
