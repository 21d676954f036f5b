#include "scheduler/tier_policy.hpp"

#include <algorithm>

namespace corral::scheduler {

tier_verdict tier_policy::observe(unsigned serving, const std::vector<presence>& states,
                                  core::steady_time now) {
    tiers_.resize(std::max<std::size_t>(1, states.size()));
    for (std::size_t i = 0; i < states.size(); ++i) {
        note(tiers_[i], states[i], now);
    }
    return verdict_between(serving, choose(serving));
}

void tier_policy::note(tier& of, presence is, core::steady_time now) const {
    const presence was = of.is;
    const bool failed = of.failed;
    of.is = is;
    switch (is) {
        case presence::absent:
        case presence::leaving:
            of.failed = false;
            break;
        case presence::loading:
            of.failed = of.failed || was == presence::ready;
            break;
        case presence::renewing:
            break;
        case presence::broken:
            of.failed = true;
            break;
        case presence::ready:
            if (was != presence::ready) {
                of.ready_since = now;
            }
            of.failed = failed && now - of.ready_since < failback_after_;
            break;
    }
    of.repaired = failed && !of.failed && is == presence::ready;
}

unsigned tier_policy::choose(unsigned serving) const noexcept {
    const auto count = static_cast<unsigned>(tiers_.size());
    const unsigned current = std::min(serving, count - 1);
    for (unsigned i = 0; i < count; ++i) {
        const tier& one = tiers_[i];
        const bool ready = one.is == presence::ready;
        const bool comes = one.is == presence::absent && i <= current;
        if (!one.failed && (ready || comes)) {
            return i;
        }
    }
    if (tiers_[current].is == presence::ready) {
        return current;
    }
    for (unsigned i = 0; i < count; ++i) {
        if (tiers_[i].is == presence::ready) {
            return i;
        }
    }
    return current;
}

tier_verdict tier_policy::verdict_between(unsigned before, unsigned serving) const noexcept {
    tier_verdict out{serving, tier_reason::none, false};
    if (serving == before) {
        return out;
    }
    const bool left_in_order = before >= tiers_.size() || !tiers_[before].failed;
    if (serving < before && left_in_order) {
        out.why = tier_reason::in_order;
        out.outage = tiers_[serving].repaired;
        return out;
    }
    out.outage = !left_in_order;
    out.why = left_in_order                           ? tier_reason::loads
              : tiers_[before].is == presence::broken ? tier_reason::broke
                                                      : tier_reason::restarts;
    return out;
}

std::optional<unsigned> tier_policy::to_load() const noexcept {
    for (unsigned i = 0; i < tiers_.size(); ++i) {
        const tier& one = tiers_[i];
        if (one.is == presence::absent) {
            return i;
        }
        if (one.is == presence::ready || !one.failed) {
            return std::nullopt;
        }
    }
    return std::nullopt;
}

std::optional<core::steady_time> tier_policy::look_again() const noexcept {
    std::optional<core::steady_time> out;
    for (const tier& one : tiers_) {
        if (!one.failed || one.is != presence::ready) {
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
