// Who is loaded where: shows the arrangement policy the box, and carries out what it says.

#include <algorithm>
#include <utility>

#include "corral/telemetry/log.hpp"
#include "scheduler/scheduler_impl.hpp"

namespace corral::scheduler {

namespace {

// At most so long nobody looks while a model waits: what a card has room for changes without a word.
constexpr core::seconds longest_look{1};
// An arrangement makes the next one necessary, as a start may fail or succeed at once; but not for ever.
constexpr int most_rounds = 100;

bool has(const std::vector<std::size_t>& all, std::size_t one) {
    return std::find(all.begin(), all.end(), one) != all.end();
}

// The earlier one; either may be absent.
void keep_earlier(std::optional<moment>& first, const std::optional<moment>& other) {
    if (other && (!first || *other < *first)) {
        first = other;
    }
}

}  // namespace

model_view scheduler::impl::view_of(const lane& of, unsigned tier) const {
    model_view out;
    const bool serves = of.tiers.serving() == tier;
    const std::size_t waiting = serves ? policy.waiting_for(of.model) : 0;
    const std::size_t leases = of.leases();
    std::size_t running = 0;
    for (const auto& one : of.instances) {
        running += one->tier == tier ? one->leases : 0;
    }
    out.name = of.model;
    out.pinned = of.pinned && !of.suspended;
    const hosted* const first = of.first_of(tier);
    out.most = tier == 0 || first == nullptr ? of.most : std::max(1U, first->backend->model().instances);
    out.own = policy.turn_of(of.model);
    out.patience = patience_of(policy.usual_load(of.model), options.swaps);
    out.running = running;
    // A lease's own hold is no one else's.
    out.needed = serves && (waiting > 0 || of.holds > leases);
    if (of.suspended) {
        return out;
    }
    const auto stands_by = of.standby.find(tier);
    out.spare = tier == 0 ? of.spare : stands_by != of.standby.end() && stands_by->second;
    out.spare_more = tier == 0 && of.spare_more;
    out.more = waiting > 0;
    const bool works = std::any_of(of.instances.begin(), of.instances.end(), [tier](const auto& one) {
        const residency_policy& now = one->residency->policy();
        return one->tier == tier && now.stage() == residence_stage::loaded &&
               now.seen() != engine::availability_state::broken;
    });
    const bool its_turn = of.tiered() ? of.tiers.to_load() == tier : tier == 0;
    if (!works && its_turn) {
        std::optional<moment> since = policy.oldest_of(of.model);
        keep_earlier(since, of.held_since);
        keep_earlier(since, of.wanted);
        if (since) {
            out.wants = out.own->waits_since(*since);
        }
    }
    return out;
}

seat_view scheduler::impl::view_of(const hosted& one, std::size_t model) const {
    seat_view out;
    const engine::device_claim claim = one.backend->claim();
    const residency_policy& now = one.residency->policy();
    out.model = model;
    out.cards = claim.cards;
    out.need_mb = claim.memory_mb;
    out.measured = claim.measured;
    out.admitted = one.admitted;
    out.counts = one.tier == 0 || !claim.cards.empty();
    out.in_use = one.leases > 0;
    out.draining = one.draining;
    out.first_load = one.first_load;
    out.load_began = one.load_began.value_or(core::steady_time{});
    out.expires = now.expires().value_or(core::steady_time::max());
    out.last_used = policy.last_used(one.slot);
    if (now.stage() == residence_stage::unloading) {
        out.is = presence::leaving;
    } else if (now.stage() == residence_stage::loaded) {
        out.is = now.seen() == engine::availability_state::ready    ? presence::ready
                 : now.seen() == engine::availability_state::broken ? presence::broken
                                                                    : presence::loading;
    }
    return out;
}

scheduler::impl::picture scheduler::impl::look() const {
    picture out;
    out.box.room_mb = options.room_mb;
    out.box.max_loaded = options.max_loaded;
    out.box.rule = options.swaps;
    for (std::size_t i = 0; i < lanes.size(); ++i) {
        unsigned last = 0;
        for (const auto& one : lanes[i]->instances) {
            last = std::max(last, one->tier);
            out.box.seats.push_back(view_of(*one, out.box.models.size() + one->tier));
            out.seats.emplace_back(lanes[i], one);
        }
        for (unsigned tier = 0; tier <= last; ++tier) {
            out.box.models.push_back(view_of(*lanes[i], tier));
            out.box.models.back().lane = i;
            out.models.emplace_back(lanes[i], tier);
        }
    }
    return out;
}

void scheduler::impl::arrange() {
    if (over || policy.closed()) {
        return;
    }
    arrange_again = true;
    if (arranging) {
        return;
    }
    struct guard {
        explicit guard(bool& which) : flag(which) { flag = true; }
        guard(const guard&) = delete;
        guard& operator=(const guard&) = delete;
        ~guard() { flag = false; }
        bool& flag;
    } now_arranging(arranging);
    for (int round = 0; arrange_again && round < most_rounds; ++round) {
        arrange_again = false;
        const picture seen = look();
        carry_out(seen, scheduler_arrange(seen.box));
    }
}

arrangement scheduler::impl::scheduler_arrange(const box_view& box) const {
    return corral::scheduler::arrange(box, clock.now());
}

void scheduler::impl::carry_out(const picture& of, const arrangement& plan) {
    for (std::size_t i = 0; i < of.seats.size(); ++i) {
        const bool goes = has(plan.surplus, i) || std::any_of(plan.evict.begin(), plan.evict.end(),
                                                              [i](const auto& one) { return one.seat == i; });
        hosted& one = *of.seats[i].second;
        one.draining = goes || has(plan.drain, i);
        const std::vector<decision> told = policy.withhold(one.slot, one.draining, clock.now());
        arrange_again = arrange_again || !told.empty();
        apply(told);
    }
    tell_blocked(of, plan);
    refuse_hopeless(of, plan);
    for (const std::size_t seat : plan.surplus) {
        if (of.seats[seat].second->leases == 0) {
            of.seats[seat].second->residency->make_room();
        }
    }
    for (const eviction_order& order : plan.evict) {
        make_room(of, order);
    }
    for (const std::size_t model : plan.not_spared) {
        const auto& [whose, tier] = of.models[model];
        if (of.box.models[model].spare) {
            telemetry::log().info("model {}: does not fit beside what is loaded; it is loaded when it is {}",
                                  whose->label_of(tier), tier == 0 ? "asked for" : "needed");
        }
        whose->standby.erase(tier);
        whose->spare = whose->spare && tier != 0;
        whose->spare_more = whose->spare_more && tier != 0;
    }
    for (const std::size_t seat : plan.start) {
        start(*of.seats[seat].first, *of.seats[seat].second);
    }
    if (look_again != plan.look_again || anyone_blocked) {
        look_again = plan.look_again;
        look_bell.ring();
    }
}

void scheduler::impl::tell_blocked(const picture& of, const arrangement& plan) {
    for (const auto& each : lanes) {
        each->why.clear();
        each->impossible = false;
        each->overtakes = false;
        policy.set_room_delay(each->model, core::nanoseconds{0});
    }
    anyone_blocked = !plan.blocked.empty() || !plan.hopeless.empty();
    for (const blocked_model& each : plan.blocked) {
        lane& waits = *of.models[each.model].first;
        waits.why = each.why;
        for (const std::size_t model : each.serving) {
            of.models[model].first->overtakes = true;
        }
        policy.set_room_delay(waits.model, delay_of(of, each));
    }
}

// The longest of what those in the way take; their unloading itself is short beside a load.
std::optional<core::nanoseconds> scheduler::impl::delay_of(const picture& of,
                                                           const blocked_model& told) const {
    const core::steady_time now = clock.now();
    const model_view& waits = of.box.models[told.model];
    core::nanoseconds longest{0};
    if (told.after_others) {
        return std::nullopt;
    }
    for (const std::size_t model : told.behind) {
        const model_view& other = of.box.models[model];
        const bool serves = has(told.serving, model);
        const std::size_t further = serves ? other.own->grants_left(*waits.wants, options.swaps) : 0;
        if (!serves && other.running == 0) {
            continue;
        }
        std::optional<core::nanoseconds> one = policy.until_drained(other.name, further, now);
        if (const auto end = serves ? other.own->over_at(*waits.wants, waits.patience) : std::nullopt) {
            const core::nanoseconds left = core::deadline(*end).left(now);
            one = one ? std::min(*one, left) : left;
        }
        if (!one) {
            return std::nullopt;
        }
        longest = std::max(longest, *one);
    }
    return longest;
}

void scheduler::impl::refuse_hopeless(const picture& seen, const arrangement& plan) {
    for (const auto& [model, why] : plan.hopeless) {
        lane& of = *seen.models[model].first;
        if (falls_back(of, seen.models[model].second)) {
            telemetry::log().warn("model {}", why);
            arrange_again = true;
            continue;
        }
        of.why = why;
        of.impossible = true;
        if (of.wanted) {
            telemetry::log().warn("model {}", why);
        }
        of.wanted.reset();
        apply(policy.refuse_for_room(of.model, why));
        if (of.holds > 0) {
            // Who waits outside the queue looks there.
            for (const auto& one : of.instances) {
                one->backend->availability_changed().ring();
            }
        }
    }
}

void scheduler::impl::make_room(const picture& of, const eviction_order& order) {
    const auto& [owner, one] = of.seats[order.seat];
    const bool there = one->residency->policy().stage() == residence_stage::loaded;
    if (one->leases > 0 || !there) {
        return;  // it was granted meanwhile
    }
    ++evictions;
    lane& comes = *of.models[order.by].first;
    comes.displaces = true;
    telemetry::log().info("model {}: makes room for {}", owner->model, comes.model);
    one->residency->make_room();
    if (!owner->loaded_in(one->tier)) {
        policy.end_turn(owner->model, clock.now());
    }
}

void scheduler::impl::start(lane& of, hosted& one) {
    if (one.residency->policy().stage() != residence_stage::unloaded) {
        return;
    }
    const hosted* const other = of.any_loaded();
    const std::optional<core::nanoseconds> stay =
        other != nullptr ? std::optional(other->residency->policy().stay()) : of.asked_stay;
    swaps += of.displaces ? 1 : 0;
    of.displaces = false;
    of.wanted.reset();
    of.asked_stay.reset();
    of.spare = of.spare && one.tier != 0;
    of.want_standby();
    of.standby.erase(one.tier);
    one.no_room = false;
    one.first_load = true;
    one.load_began = clock.now();
    one.residency->give_room(stay);
    const auto loaded = std::count_if(of.instances.begin(), of.instances.end(), [](const auto& each) {
        return each->tier == 0 && each->residency->policy().stage() == residence_stage::loaded;
    });
    of.spare_more = of.spare_more && static_cast<std::size_t>(loaded) < of.most;
    look_at(of, one);
    settle_tier(of);
    arrange_again =
        arrange_again || !of.standby.empty() || one.residency->policy().stage() == residence_stage::loaded;
}

// The wait is measured by the injected clock but lasts in real time, so that a clock that stands still makes
// no busy loop.
core::awaitable<void> scheduler::impl::keep_looking(std::shared_ptr<impl> self) {
    co_await core::asio::this_coro::throw_if_cancelled(false);
    while (!self->over) {
        core::deadline until;
        const std::optional<core::steady_time> next = self->next_look();
        if (self->anyone_blocked || next) {
            core::nanoseconds left = longest_look;
            if (next) {
                const core::nanoseconds due = core::deadline(*next).left(self->clock.now());
                left = std::clamp<core::nanoseconds>(due, core::milliseconds{1}, longest_look);
            }
            until = core::deadline::after(left, std::chrono::steady_clock::now());
        }
        const core::wake_reason reason = co_await self->look_bell.wait(until);
        if (reason == core::wake_reason::cancelled) {
            co_return;
        }
        if (reason == core::wake_reason::timed_out && !self->over) {
            self->settle_tiers();
            self->arrange();
        }
    }
}

}  // namespace corral::scheduler
