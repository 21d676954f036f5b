#include "supervisor/machine/stop_ladder.hpp"

#include <csignal>

#include <algorithm>

namespace corral::supervisor {

namespace {

// A process in the middle of a driver call dies late; asking again sooner changes nothing.
constexpr core::milliseconds last_resort_grace{5000};
constexpr core::milliseconds least_last_grace{1000};

bool is_last_resort(const catalog::stop_step& step) {
    return step.signal == SIGKILL && step.target == catalog::signal_target::group;
}

}  // namespace

std::vector<catalog::stop_step> stop_ladder(const catalog::service_template& rules, stop_phase phase) {
    std::vector<catalog::stop_step> steps;
    if (phase == stop_phase::loading) {
        steps = rules.stop_loading;
    } else if (phase == stop_phase::ready) {
        steps = rules.stop_ready;
    }
    for (catalog::stop_step& step : steps) {
        step.grace = std::max(step.grace, core::milliseconds{0});
    }
    if (steps.empty() || !is_last_resort(steps.back())) {
        steps.push_back({SIGKILL, catalog::signal_target::group, last_resort_grace});
    }
    steps.back().grace = std::max(steps.back().grace, least_last_grace);
    return steps;
}

}  // namespace corral::supervisor
