#include "scheduler/deployment.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "corral/core/say.hpp"

namespace corral::scheduler {

using engine::availability_state;

namespace {

// What the best instance of a tier makes of it.
int rank_of(presence state) {
    switch (state) {
        case presence::ready:
            return 3;
        case presence::loading:
        case presence::renewing:
            return 2;
        case presence::absent:
        case presence::leaving:
            return 1;
        case presence::broken:
            break;
    }
    return 0;
}

}  // namespace

presence instance::is() const noexcept {
    if (residency.stage() != residence_stage::loaded) {
        return residency.stage() == residence_stage::unloading ? presence::leaving : presence::absent;
    }
    return broken()                                        ? presence::broken
           : residency.seen() == availability_state::ready ? presence::ready
                                                           : presence::loading;
}

presence instance::serves_as() const noexcept {
    return residency.admitted() && is() != presence::leaving ? is() : presence::absent;
}

const instance* deployment::any_loaded() const {
    const auto found =
        std::find_if(instances.begin(), instances.end(), [](const instance& one) { return one.loaded(); });
    return found == instances.end() ? nullptr : &*found;
}

bool deployment::loaded_in(unsigned tier) const {
    return std::any_of(instances.begin(), instances.end(),
                       [tier](const instance& one) { return one.facts.tier == tier && one.loaded(); });
}

const instance* deployment::first_of(unsigned tier) const {
    const auto found = std::find_if(instances.begin(), instances.end(),
                                    [tier](const instance& one) { return one.facts.tier == tier; });
    return found == instances.end() ? nullptr : &*found;
}

unsigned deployment::last_tier() const {
    unsigned out = 0;
    for (const instance& one : instances) {
        out = std::max(out, one.facts.tier);
    }
    return out;
}

std::size_t deployment::most(unsigned tier) const {
    const instance* const first = first_of(tier);
    return std::max(1U, (first == nullptr ? instances.front() : *first).facts.most);
}

std::string deployment::label_of(unsigned tier) const {
    const instance* const first = first_of(tier);
    return first == nullptr ? model : first->facts.label;
}

std::vector<presence> deployment::tier_states() const {
    std::vector<presence> out(last_tier() + 1, presence::broken);
    for (const instance& one : instances) {
        presence now = one.no_memory ? presence::broken : one.serves_as();
        now = now == presence::loading && one.renewed ? presence::renewing : now;
        presence& best = out[one.facts.tier];
        best = rank_of(now) > rank_of(best) ? now : best;
    }
    return out;
}

void deployment::preload_standby() {
    for (const instance& one : instances) {
        if (one.facts.tier > 0 && one.facts.preload && !loaded_in(one.facts.tier)) {
            preload.insert(one.facts.tier);
        }
    }
}

void deployment::forget_no_memory() {
    for (instance& one : instances) {
        one.no_memory = false;
    }
}

void deployment::want_nothing() {
    wanted.reset();
    preload.clear();
    preload_more = false;
}

residence deployment::stays() const {
    residence out;
    const instance* const there = any_loaded();
    out.pinned = settings.pinned;
    out.stay = (there == nullptr ? instances.front() : *there).residency.stay();
    if (there == nullptr && wanted && asked_stay && !out.pinned) {
        out.stay = *asked_stay;
    }
    bool for_ever = false;
    for (const instance& one : instances) {
        if (one.residency.stage() == residence_stage::unloaded) {
            continue;
        }
        out.loaded = out.loaded || !one.broken();
        const std::optional<core::steady_time> end = one.residency.unloads_at();
        for_ever = for_ever || !end;
        out.expires = std::max(out.expires, end);
    }
    if (for_ever) {
        out.expires.reset();
    }
    return out;
}

std::string deployment::change_text(unsigned before, const tier_verdict& now) const {
    const instance* const left = first_of(before);
    const core::reason because = left == nullptr   ? core::reason()
                                 : left->no_memory ? core::say("model.tier-failed/no-room")
                                                   : left->reason;
    switch (now.why) {
        case tier_reason::broke:
            return core::say("model.tier-failed/cant-serve", label_of(before)).led_to_by(because);
        case tier_reason::restarts:
            return core::say("model.tier-failed/again", label_of(before)).led_to_by(because);
        case tier_reason::loads:
            return fmt::format("{} is loading", label_of(before));
        case tier_reason::in_order:
            if (now.outage) {
                return core::say("model.tier-back", label_of(now.serving),
                                 std::chrono::duration_cast<core::seconds>(settings.failback_after).count());
            }
            return fmt::format("{} is to serve again", label_of(now.serving));
        case tier_reason::none:
            break;
    }
    return {};
}

}  // namespace corral::scheduler
