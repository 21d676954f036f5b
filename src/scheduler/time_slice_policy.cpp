#include "scheduler/time_slice_policy.hpp"

#include <algorithm>

namespace corral::scheduler {

core::nanoseconds patience_of(std::optional<core::nanoseconds> usual_load, const swap_rule& rule) noexcept {
    const core::nanoseconds most = std::max(rule.least_patience, rule.most_patience);
    // Not doubled first: a load time may be anything.
    if (!usual_load || *usual_load <= rule.least_patience / 2) {
        return rule.least_patience;
    }
    return *usual_load >= most / 2 ? most : *usual_load * 2;
}

// What was granted before is of no use to a later time slice.
void time_slice::began(moment when) {
    began_ = when;
    grants_.clear();
}

void time_slice::granted(moment when) {
    grants_.push_back(when);
    if (grants_.size() > most_kept) {
        grants_.pop_front();
    }
}

void time_slice::ended(moment when) {
    began_.reset();
    ended_ = when;
    grants_.clear();
}

moment time_slice::waits_since(moment oldest) const noexcept {
    return ended_ && oldest < *ended_ ? *ended_ : oldest;
}

moment time_slice::counts_from(moment waits) const noexcept {
    return began_ && waits < *began_ ? *began_ : waits;
}

std::size_t time_slice::grants_left(moment waits, const swap_rule& rule) const noexcept {
    const moment from = counts_from(waits);
    const auto given = static_cast<std::size_t>(
        std::count_if(grants_.begin(), grants_.end(), [&](const moment& one) { return from < one; }));
    return given >= rule.max_overtakes ? 0 : rule.max_overtakes - given;
}

bool time_slice::expired(moment waits, core::nanoseconds patience, const swap_rule& rule,
                         core::steady_time now) const noexcept {
    if (!began_) {
        return false;
    }
    return now - counts_from(waits).at >= patience || grants_left(waits, rule) == 0;
}

std::optional<core::steady_time> time_slice::expires_at(moment waits,
                                                        core::nanoseconds patience) const noexcept {
    if (!began_) {
        return std::nullopt;
    }
    return core::deadline::after(patience, counts_from(waits).at).at();
}

}  // namespace corral::scheduler
