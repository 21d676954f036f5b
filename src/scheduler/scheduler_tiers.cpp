// Which tier of a model serves: shows the tier policy how they are, and carries out what it says.

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "corral/catalog/placement.hpp"
#include "corral/telemetry/log.hpp"
#include "scheduler/scheduler_impl.hpp"

namespace corral::scheduler {

namespace {

template <typename Hosted>
tier_state state_of(const Hosted& one) {
    const residency_policy& now = one.residency->policy();
    if (one.no_room) {
        return tier_state::broken;
    }
    if (now.stage() != residence_stage::loaded || !one.admitted) {
        return tier_state::absent;
    }
    switch (now.seen()) {
        case engine::availability_state::ready:
            return tier_state::ready;
        case engine::availability_state::broken:
            return tier_state::broken;
        case engine::availability_state::loading:
        case engine::availability_state::stopped:
            break;
    }
    return tier_state::loading;
}

// What the best instance of a tier makes of it.
int rank_of(tier_state state) {
    switch (state) {
        case tier_state::ready:
            return 3;
        case tier_state::loading:
            return 2;
        case tier_state::absent:
            return 1;
        case tier_state::broken:
            break;
    }
    return 0;
}

// ": <reason>", or nothing.
std::string because(const std::string& reason) {
    return reason.empty() ? reason : ": " + reason;
}

std::string sentence_of(tier_reason why, const std::string& left, const std::string& reason,
                        const std::string& now, core::nanoseconds stable, bool outage) {
    switch (why) {
        case tier_reason::broke:
            return fmt::format("{} can't serve{}", left, because(reason));
        case tier_reason::restarts:
            return fmt::format("{} failed and is started again{}", left, because(reason));
        case tier_reason::loads:
            return fmt::format("{} is loading", left);
        case tier_reason::in_order:
            if (outage) {
                return fmt::format("{} has been ready for {} s without a break", now,
                                   std::chrono::duration_cast<core::seconds>(stable).count());
            }
            return fmt::format("{} is to serve again", now);
        case tier_reason::none:
            break;
    }
    return {};
}

}  // namespace

bool scheduler::impl::lane::loaded_in(unsigned tier) const {
    return std::any_of(instances.begin(), instances.end(), [tier](const auto& one) {
        return one->tier == tier && one->residency->policy().stage() == residence_stage::loaded;
    });
}

bool scheduler::impl::lane::tiered() const {
    return tiers.serving() > 0 ||
           std::any_of(instances.begin(), instances.end(), [](const auto& one) { return one->tier > 0; });
}

bool scheduler::impl::lane::needs_load() const {
    return tiered() ? tiers.to_load().has_value() : any_loaded() == nullptr;
}

const scheduler::impl::hosted* scheduler::impl::lane::first_of(unsigned tier) const {
    const auto found = std::find_if(instances.begin(), instances.end(),
                                    [tier](const auto& one) { return one->tier == tier; });
    return found == instances.end() ? nullptr : found->get();
}

std::string scheduler::impl::lane::label_of(unsigned tier) const {
    const hosted* const first = first_of(tier);
    return first == nullptr ? model : catalog::label_of(first->backend->model());
}

void scheduler::impl::lane::want_standby() {
    for (const auto& one : instances) {
        const bool hot = one->tier > 0 && one->backend->model().preload;
        if (hot && !loaded_in(one->tier)) {
            standby[one->tier] = true;
        }
    }
}

void scheduler::impl::lane::forget_no_room() {
    for (const auto& one : instances) {
        one->no_room = false;
    }
}

std::vector<tier_state> scheduler::impl::tier_states(const lane& of) const {
    std::vector<tier_state> out;
    for (const auto& one : of.instances) {
        if (one->tier >= out.size()) {
            out.resize(one->tier + 1, tier_state::broken);
        }
        const tier_state now = state_of(*one);
        if (rank_of(now) > rank_of(out[one->tier])) {
            out[one->tier] = now;
        }
    }
    return out;
}

void scheduler::impl::settle_tier(lane& of) {
    if (over || !of.tiered()) {
        return;
    }
    const unsigned before = of.tiers.serving();
    const tier_verdict now = of.tiers.observe(tier_states(of), clock.now());
    if (now.why != tier_reason::none) {
        tell_change(of, before, now);
        apply(policy.serve_by(of.model, now.serving, clock.now()));
        // What was loaded because it was needed is not needed any more.
        for (const auto& one : std::vector(of.instances)) {
            const bool cold = one->tier > now.serving && !one->backend->model().preload;
            if (cold && now.why == tier_reason::in_order) {
                one->residency->unload();
            }
        }
    }
    if (of.tiers_look_again != of.tiers.look_again()) {
        of.tiers_look_again = of.tiers.look_again();
        look_bell.ring();
    }
}

void scheduler::impl::settle_tiers() {
    for (const auto& each : std::vector(lanes)) {
        settle_tier(*each);
    }
}

void scheduler::impl::tell_change(lane& of, unsigned before, const tier_verdict& now) {
    const hosted* const left = of.first_of(before);
    std::string reason = left == nullptr ? std::string() : left->backend->available().reason;
    if (left != nullptr && left->no_room) {
        reason = "there is no room for it";
    }
    const core::nanoseconds stable = of.instances.front()->backend->model().failback_after;
    const std::string next = of.label_of(now.serving);
    of.last_change.why = sentence_of(now.why, of.label_of(before), reason, next, stable, now.outage);
    of.last_change.since = clock.now();
    ++of.last_change.changes;
    const std::string text = fmt::format("model {}: requests go to {} from now on, as {}", of.model, next,
                                         telemetry::printable(of.last_change.why, 500));
    if (now.outage) {
        telemetry::log().warn("{}", text);
    } else {
        telemetry::log().info("{}", text);
    }
}

// For the lack of room. False: nothing else can serve, and those who wait must be told.
bool scheduler::impl::falls_back(lane& of, unsigned tier) {
    if (!of.tiered()) {
        return false;
    }
    for (const auto& one : of.instances) {
        const bool absent = one->residency->policy().stage() == residence_stage::unloaded;
        one->no_room = one->no_room || (one->tier == tier && absent);
    }
    settle_tier(of);
    const std::vector<tier_state> states = tier_states(of);
    const bool none =
        std::all_of(states.begin(), states.end(), [](tier_state one) { return one == tier_state::broken; });
    if (none) {
        of.forget_no_room();
        settle_tier(of);
    }
    return !none;
}

std::optional<core::steady_time> scheduler::impl::next_look() const {
    std::optional<core::steady_time> out = look_again;
    for (const auto& each : lanes) {
        if (each->tiers_look_again && (!out || *each->tiers_look_again < *out)) {
            out = each->tiers_look_again;
        }
    }
    return out;
}

std::optional<tier_report> scheduler::tiers_of(std::string_view model) const {
    const auto of = impl_->find(model);
    if (of == nullptr || !of->tiered()) {
        return std::nullopt;
    }
    tier_report out = of->last_change;
    out.serving = of->tiers.serving();
    out.label = of->label_of(out.serving);
    return out;
}

}  // namespace corral::scheduler
