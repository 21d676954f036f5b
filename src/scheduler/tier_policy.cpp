#include "scheduler/tier_policy.hpp"

#include <algorithm>

namespace corral::scheduler {

tier_verdict tier_policy::observe(const std::vector<tier_state>& states, core::steady_time now) {
    tiers_.resize(std::max<std::size_t>(1, states.size()));
    for (std::size_t i = 0; i < states.size(); ++i) {
        note(tiers_[i], states[i], now);
    }
    const unsigned before = serving_;
    serving_ = choose();
    return told(before);
}

void tier_policy::note(tier& of, tier_state is, core::steady_time now) const {
    const tier_state was = of.is;
    const bool failed = of.failed;
    of.is = is;
    switch (is) {
        case tier_state::absent:
            of.failed = false;
            break;
        case tier_state::loading:
            of.failed = of.failed || was == tier_state::ready;
            break;
        case tier_state::broken:
            of.failed = true;
            break;
        case tier_state::ready:
            if (was != tier_state::ready) {
                of.ready_since = now;
            }
            of.failed = failed && now - of.ready_since < failback_after_;
            break;
    }
    of.mended = failed && !of.failed;
}

unsigned tier_policy::choose() const noexcept {
    const auto count = static_cast<unsigned>(tiers_.size());
    const unsigned current = std::min(serving_, count - 1);
    for (unsigned i = 0; i < count; ++i) {
        const tier& one = tiers_[i];
        const bool ready = one.is == tier_state::ready;
        const bool comes = one.is == tier_state::absent && i <= current;
        if (!one.failed && (ready || comes)) {
            return i;
        }
    }
    if (tiers_[current].is == tier_state::ready) {
        return current;
    }
    for (unsigned i = 0; i < count; ++i) {
        if (tiers_[i].is == tier_state::ready) {
            return i;
        }
    }
    return current;
}

tier_verdict tier_policy::told(unsigned before) const noexcept {
    tier_verdict out{serving_, tier_reason::none, false};
    if (serving_ == before) {
        return out;
    }
    const bool left_in_order = before >= tiers_.size() || !tiers_[before].failed;
    if (serving_ < before && left_in_order) {
        out.why = tier_reason::in_order;
        out.outage = tiers_[serving_].mended;
        return out;
    }
    out.outage = !left_in_order;
    out.why = left_in_order                             ? tier_reason::loads
              : tiers_[before].is == tier_state::broken ? tier_reason::broke
                                                        : tier_reason::restarts;
    return out;
}

std::optional<unsigned> tier_policy::to_load() const noexcept {
    for (unsigned i = 0; i < tiers_.size(); ++i) {
        const tier& one = tiers_[i];
        if (one.is == tier_state::absent) {
            return i;
        }
        if (one.is == tier_state::ready || !one.failed) {
            return std::nullopt;
        }
    }
    return std::nullopt;
}

bool tier_policy::out_of_order(unsigned which) const noexcept {
    return which < tiers_.size() && tiers_[which].failed;
}

std::optional<core::steady_time> tier_policy::look_again() const noexcept {
    std::optional<core::steady_time> out;
    for (const tier& one : tiers_) {
        if (!one.failed || one.is != tier_state::ready) {
            continue;
        }
        const core::deadline trusted = core::deadline::after(failback_after_, one.ready_since);
        if (trusted.reachable() && (!out || trusted.at() < *out)) {
            out = trusted.at();
        }
    }
    return out;
}

}  // namespace corral::scheduler
