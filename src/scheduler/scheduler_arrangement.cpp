// What follows from the facts: who is granted, which tier serves, and what is loaded where.

#include <algorithm>

#include <fmt/format.h>

#include "corral/core/say.hpp"
#include "corral/telemetry/log.hpp"
#include "scheduler/scheduler_core.hpp"

namespace corral::scheduler {

namespace {

bool has(const std::vector<std::size_t>& all, std::size_t one) {
    return std::find(all.begin(), all.end(), one) != all.end();
}

void keep_earlier(std::optional<moment>& first, const std::optional<moment>& other) {
    if (other && (!first || *other < *first)) {
        first = other;
    }
}

}  // namespace

// Ends: each further round takes an answer to a ticket, a load or an unload of an instance, or a tier given
// up, and no event adds any meanwhile.
void scheduler_core::settle() {
    do {
        changed_ = false;
        for (deployment& each : deployments_) {
            settle(each);
        }
        if (!queue_.closed()) {
            forget_lack_of_memory();
            arrange();
        }
    } while (changed_);
}

void scheduler_core::settle(deployment& deployed) {
    for (instance& one : deployed.instances) {
        if (!one.loaded()) {
            one.load_began.reset();
        } else if (!one.load_began) {
            one.load_began = now_;  // by somebody else
            one.first_load = true;
        }
        const bool ready = one.residency.seen() == engine::availability_state::ready;
        one.first_load = one.first_load && one.loaded() && !ready;
        // One that is about to be stopped may still look ready, and so may what a failed stop has left.
        apply(queue_.instance_changed(one.facts.id, one.serves_as(), one.reason, now_));
    }
    settle_tier(deployed);
    const std::size_t users = queue_.waiting_for(deployed.model) + leases(deployed) + deployed.holds.size();
    for (instance& one : deployed.instances) {
        order(one, one.residency.needed_by(users, now_));
    }
}

void scheduler_core::settle_tier(deployment& deployed) {
    if (!tiered(deployed)) {
        return;
    }
    const unsigned before = queue_.tier_of(deployed.model);
    const tier_verdict now = deployed.tiers.observe(before, deployed.tier_states(), now_);
    if (now.why == tier_reason::none) {
        return;
    }
    deployed.last_change.why = deployed.change_text(before, now);
    ++deployed.last_change.changes;
    if (!queue_.closed()) {  // the tiers of a box that stops end one by one
        say(now.outage, "model.tier-failed",
            fmt::format("model {}: requests go to {} from now on, as {} event=tier.changed", deployed.model,
                        deployed.label_of(now.serving), telemetry::printable(deployed.last_change.why, 500)));
    }
    apply(queue_.serve_by(deployed.model, now.serving, now_));
    // What was loaded because it was needed is not needed any more.
    for (instance& one : deployed.instances) {
        if (one.facts.tier > now.serving && !one.facts.preload && now.why == tier_reason::in_order) {
            order(one, one.residency.unload(now_));
        }
    }
}

model_view scheduler_core::view_of(const deployment& deployed, unsigned tier) const {
    model_view out;
    const bool suspended = queue_.suspended(deployed.model);
    const bool serves = queue_.tier_of(deployed.model) == tier;
    const std::size_t waiting = serves ? queue_.waiting_for(deployed.model) : 0;
    bool works = false;
    for (const instance& one : deployed.instances) {
        if (one.facts.tier == tier) {
            out.running += queue_.leases(one.facts.id);
            works = works || (one.loaded() && !one.broken());
        }
    }
    out.name = deployed.model;
    out.pinned = deployed.settings.pinned && !suspended;
    out.most = deployed.most(tier);
    out.slice = queue_.slice_of(deployed.model);
    out.patience = patience_of(queue_.usual_load(deployed.model), options_.swaps);
    // A lease's own hold is no one else's.
    const bool held = serves && deployed.holds.size() > leases(deployed);
    out.needed = held || (serves && waiting > 0);
    out.people = held || (serves && queue_.people_wait_for(deployed.model));
    if (suspended) {
        return out;
    }
    out.preload = deployed.preload.contains(tier);
    out.preload_more = tier == 0 && deployed.preload_more;
    out.more = waiting > 0;
    const bool to_load = tiered(deployed) ? deployed.tiers.to_load() == tier : tier == 0;
    if (!works && to_load) {
        std::optional<moment> since = queue_.oldest_of(deployed.model);
        keep_earlier(since, deployed.held_since);
        keep_earlier(since, deployed.wanted);
        if (since) {
            out.wants = out.slice->waits_since(*since);
        }
    }
    return out;
}

instance_view scheduler_core::view_of(const instance& one, std::size_t model) const {
    instance_view out;
    out.model = model;
    out.cards = one.claim.cards;
    out.need_mb = one.claim.memory_mb;
    out.measured = one.claim.measured;
    out.port = one.claim.port;
    out.is = one.is();
    out.admitted = one.residency.admitted();
    out.counts = one.facts.tier == 0 || !one.claim.cards.empty();
    out.in_use = queue_.leases(one.facts.id) > 0;
    out.draining = one.draining;
    out.first_load = one.first_load;
    out.load_began = one.load_began.value_or(core::steady_time{});
    out.expires = one.residency.expires().value_or(core::steady_time::max());
    out.last_used = queue_.last_used(one.facts.id);
    return out;
}

instance_view scheduler_core::view_of(const leaving_runtime& one, std::size_t model) {
    instance_view out;
    out.model = model;
    out.cards = one.claim.cards;
    out.need_mb = one.claim.memory_mb;
    out.measured = one.claim.measured;
    out.port = one.claim.port;
    out.is = presence::leaving;
    out.counts = one.tier == 0 || !one.claim.cards.empty();
    return out;
}

scheduler_core::picture scheduler_core::look() {
    picture out;
    out.box.usable_mb = options_.usable_mb;
    out.box.max_loaded = options_.max_loaded;
    out.box.rule = options_.swaps;
    for (deployment& each : deployments_) {
        const std::size_t first = out.models.size();
        for (instance& one : each.instances) {
            out.box.instances.push_back(view_of(one, first + one.facts.tier));
            out.instances.emplace_back(&each, &one);
        }
        for (unsigned tier = 0; tier <= each.last_tier(); ++tier) {
            out.box.models.push_back(view_of(each, tier));
            out.box.models.back().deployment = first;
            out.models.emplace_back(&each, tier);
        }
    }
    // Last, and in the box alone: nothing is decided about them.
    if (options_.leaving) {
        for (leaving_runtime& each : options_.leaving()) {
            out.box.instances.push_back(view_of(each, out.box.models.size()));
            out.box.models.emplace_back().name = std::move(each.model);
        }
    }
    return out;
}

bool scheduler_core::needs_room(const deployment& deployed) {
    const unsigned serving = queue_.tier_of(deployed.model);
    const picture seen = look();
    const card_ledger taken(seen.box, true);
    bool any = false;
    for (std::size_t i = 0; i < seen.instances.size(); ++i) {
        const instance& one = *seen.instances[i].second;
        if (seen.instances[i].first != &deployed || one.facts.tier != serving) {
            continue;
        }
        if (one.loaded() || taken.fits(seen.box.instances[i])) {
            return false;
        }
        any = true;
    }
    return any;
}

void scheduler_core::arrange() {
    if (options_.unseen && options_.unseen()) {
        return;
    }
    const picture seen = look();
    const arrangement plan = corral::scheduler::arrange(seen.box, now_);
    withhold(seen, plan);
    explain(seen, plan);
    refuse_hopeless(seen, plan);
    for (const std::size_t which : plan.surplus) {
        instance& one = *seen.instances[which].second;
        if (queue_.leases(one.facts.id) == 0) {
            order(one, one.residency.evict(now_), "makes room");
            if (seen.box.models[seen.box.instances[which].model].pinned) {
                want(*seen.instances[which].first);  // others make room for it
            }
        }
    }
    for (const eviction_order& each : plan.evict) {
        evict(seen, each);
    }
    for (const std::size_t model : plan.preload_rejected) {
        const auto [of, tier] = seen.models[model];
        if (of->preload.erase(tier) > 0) {
            const std::string label = of->label_of(tier);
            say(false, "",
                tier == 0 ? core::say("model.not-preloaded/asked-for", label)
                          : core::say("model.not-preloaded/needed", label));
        }
        of->preload_more = of->preload_more && tier != 0;
    }
    for (const std::size_t which : plan.start) {
        start(*seen.instances[which].first, *seen.instances[which].second);
    }
    look_again_ = plan.look_again;
    blocked_ = !plan.blocked.empty() || !plan.hopeless.empty();
}

void scheduler_core::withhold(const picture& seen, const arrangement& plan) {
    for (std::size_t i = 0; i < seen.instances.size(); ++i) {
        instance& one = *seen.instances[i].second;
        const bool goes = has(plan.surplus, i) ||
                          std::any_of(plan.evict.begin(), plan.evict.end(),
                                      [i](const eviction_order& each) { return each.instance == i; });
        one.draining = goes || has(plan.drain, i);
        apply(queue_.withhold(one.facts.id, one.draining, now_));
        one.yields.reset();
    }
    for (const eviction_order& each : plan.yield) {
        const auto [of, one] = seen.instances[each.instance];
        const auto load = [&](const deployment& model) {
            return queue_.usual_load(model.model).value_or(core::nanoseconds{0});
        };
        one->yields = load(*of) + load(*seen.models[each.by].first);
    }
}

// Why models wait, and how long that may take.
void scheduler_core::explain(const picture& seen, const arrangement& plan) {
    for (deployment& each : deployments_) {
        each.why = {};
        each.overtakes = false;
        queue_.set_memory_delay(each.model, core::nanoseconds{0});
    }
    for (const blocked_model& each : plan.blocked) {
        deployment& waits = *seen.models[each.model].first;
        waits.why = each.why;
        for (const std::size_t model : each.serving) {
            seen.models[model].first->overtakes = true;
        }
        queue_.set_memory_delay(waits.model, delay_of(seen, each));
    }
}

// The longest of what those in the way take; their unloading itself is short beside a load.
std::optional<core::nanoseconds> scheduler_core::delay_of(const picture& seen,
                                                          const blocked_model& blocked) const {
    const model_view& waits = seen.box.models[blocked.model];
    core::nanoseconds longest{0};
    if (blocked.after_others) {
        return std::nullopt;
    }
    for (const std::size_t model : blocked.behind) {
        const model_view& other = seen.box.models[model];
        const bool serves = has(blocked.serving, model);
        const moment from = slice_counts_from(other, waits);
        const std::size_t further = serves ? other.slice->grants_left(from, options_.swaps) : 0;
        if (!serves && other.running == 0) {
            continue;
        }
        std::optional<core::nanoseconds> one = queue_.until_drained(other.name, further, now_);
        if (const auto end = serves ? other.slice->expires_at(from, waits.patience) : std::nullopt) {
            const core::nanoseconds left = core::deadline(*end).left(now_);
            one = one ? std::min(*one, left) : left;
        }
        if (!one) {
            return std::nullopt;
        }
        longest = std::max(longest, *one);
    }
    return longest;
}

void scheduler_core::refuse_hopeless(const picture& seen, const arrangement& plan) {
    std::set<deployment*> impossible;
    for (const auto& [model, why] : plan.hopeless) {
        const auto [of, tier] = seen.models[model];
        if (falls_back(*of, tier)) {
            say(true, why.id(), "model " + why);
            changed_ = true;
            continue;
        }
        impossible.insert(of);
        of->why = why;
        if (of->wanted) {
            say(true, why.id(), "model " + why);
        }
        of->wanted.reset();
        apply(queue_.refuse_for_memory(of->model, why));
        if (!of->impossible) {
            // Who waits outside the queue looks there.
            notify(*of);
        }
    }
    for (deployment& each : deployments_) {
        each.impossible = impossible.contains(&each);
    }
}

// As when a program of others has gone that held it, or a pinned model.
void scheduler_core::forget_lack_of_memory() {
    const auto lacks = [](const deployment& each) {
        return std::any_of(each.instances.begin(), each.instances.end(),
                           [](const instance& one) { return one.no_memory; });
    };
    if (std::none_of(deployments_.begin(), deployments_.end(), lacks)) {
        return;
    }
    const picture seen = look();
    const card_ledger there(seen.box, false);
    for (std::size_t model = 0; model < seen.models.size(); ++model) {
        const auto [of, tier] = seen.models[model];
        if (!lacks(*of) || !choose_instance(seen.box, there, {}, model, now_)) {
            continue;
        }
        for (instance& one : of->instances) {
            changed_ = changed_ || (one.facts.tier == tier && one.no_memory);
            one.no_memory = one.no_memory && one.facts.tier != tier;
        }
    }
}

// For the lack of card memory. False: nothing else can serve, and those who wait must be told.
bool scheduler_core::falls_back(deployment& deployed, unsigned tier) {
    if (!tiered(deployed)) {
        return false;
    }
    for (instance& one : deployed.instances) {
        const bool absent = one.residency.stage() == residence_stage::unloaded;
        one.no_memory = one.no_memory || (one.facts.tier == tier && absent);
    }
    settle_tier(deployed);
    const std::vector<presence> states = deployed.tier_states();
    const bool none =
        std::all_of(states.begin(), states.end(), [](presence one) { return one == presence::broken; });
    if (none) {
        deployed.forget_no_memory();
        settle_tier(deployed);
    }
    return !none;
}

void scheduler_core::evict(const picture& seen, const eviction_order& order_of) {
    const auto [owner, one] = seen.instances[order_of.instance];
    if (queue_.leases(one->facts.id) > 0 || !one->loaded()) {
        return;  // it was granted meanwhile
    }
    ++figures_.evictions;
    deployment& comes = *seen.models[order_of.by].first;
    comes.displaces = true;
    say(false, "", core::say("model.makes-room", owner->model, comes.model));
    order(*one, one->residency.evict(now_), "makes room");
    if (!owner->loaded_in(one->facts.tier)) {
        queue_.end_slice(owner->model, now_);
    }
}

void scheduler_core::start(deployment& deployed, instance& one) {
    if (one.residency.stage() != residence_stage::unloaded) {
        return;
    }
    const instance* const other = deployed.any_loaded();
    const std::optional<core::nanoseconds> stay =
        other != nullptr ? std::optional(other->residency.stay()) : deployed.asked_stay;
    figures_.swaps += deployed.displaces ? 1 : 0;
    deployed.displaces = false;
    deployed.wanted.reset();
    deployed.asked_stay.reset();
    deployed.preload_standby();
    deployed.preload.erase(one.facts.tier);
    one.no_memory = false;
    one.first_load = true;
    one.load_began = now_;
    order(one, one.residency.load_now(stay));
    const auto loaded =
        std::count_if(deployed.instances.begin(), deployed.instances.end(),
                      [](const instance& each) { return each.facts.tier == 0 && each.loaded(); });
    deployed.preload_more = deployed.preload_more && static_cast<std::size_t>(loaded) < deployed.most(0);
}

}  // namespace corral::scheduler
