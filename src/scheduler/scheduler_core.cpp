// Events: what each changes in the facts.

#include "scheduler/scheduler_core.hpp"

#include <algorithm>

#include "corral/core/say.hpp"

namespace corral::scheduler {

namespace {

// The earlier one; either may be absent.
void keep_earlier(std::optional<core::steady_time>& first, const std::optional<core::steady_time>& other) {
    if (other && (!first || *other < *first)) {
        first = other;
    }
}

}  // namespace

core::reason suspension_text(std::string_view model) {
    return core::say("request.model-stopped", std::string(model));
}

void scheduler_core::see(const std::vector<instance_reading>& all, core::steady_time now) {
    now_ = now;
    for (const instance_reading& each : all) {
        see(each);
    }
}

void scheduler_core::see(const instance_reading& each) {
    const auto [of, one] = known(each.id);
    if (one == nullptr) {
        return;
    }
    one->claim = each.claim;
    one->reason = each.reason;
    one->renewed = each.renewed;
    queue_.set_clearing(each.id, each.clears_at);
    const engine::availability_state before = one->residency.seen();
    order(*one, one->residency.observed(each.state, now_));
    if (before != each.state) {
        // Who waits for the model looks at one of its backends only.
        notify(*of, one);
    }
}

// What time and the backends have changed counts before the event does: an instance that is no longer ready,
// or whose time slice has expired, must not be granted by it. But whoever withdraws gets nothing more.
std::vector<scheduler_effect> scheduler_core::handle(const scheduler_event& what, core::steady_time now) {
    now_ = now;
    if (!std::holds_alternative<event::withdrawn>(what)) {
        settle();
    }
    std::visit([this](const auto& one) { on(one); }, what);
    settle();
    return std::exchange(effects_, {});
}

struct next_look scheduler_core::next_look() const {
    struct next_look out;
    out.change = look_again_;
    out.blocked = blocked_;
    keep_earlier(out.change, queue_.next_hold_end(now_));
    for (const deployment& each : deployments_) {
        keep_earlier(out.change, tiered(each) ? each.tiers.look_again() : std::nullopt);
        for (const instance& one : each.instances) {
            keep_earlier(out.expiry, one.residency.expires());
        }
    }
    return out;
}

const deployment* scheduler_core::find(std::string_view model) const {
    const auto found = std::find_if(deployments_.begin(), deployments_.end(),
                                    [&](const deployment& each) { return each.model == model; });
    return found == deployments_.end() ? nullptr : &*found;
}

deployment* scheduler_core::known(std::string_view model) {
    const deployment* const found = find(model);
    return found == nullptr ? nullptr : &deployments_[static_cast<std::size_t>(found - deployments_.data())];
}

std::pair<deployment*, instance*> scheduler_core::known(instance_id which) {
    for (deployment& each : deployments_) {
        for (instance& one : each.instances) {
            if (one.facts.id == which) {
                return {&each, &one};
            }
        }
    }
    return {nullptr, nullptr};
}

bool scheduler_core::knows(instance_id which) const {
    return std::any_of(deployments_.begin(), deployments_.end(), [which](const deployment& each) {
        return std::any_of(each.instances.begin(), each.instances.end(),
                           [which](const instance& one) { return one.facts.id == which; });
    });
}

bool scheduler_core::tiered(const deployment& deployed) const {
    return deployed.last_tier() > 0 || queue_.tier_of(deployed.model) > 0;
}

std::size_t scheduler_core::leases(const deployment& deployed) const {
    std::size_t out = 0;
    for (const instance& one : deployed.instances) {
        out += queue_.leases(one.facts.id);
    }
    return out;
}

core::nanoseconds scheduler_core::overdue(core::steady_time now) const {
    core::nanoseconds out{0};
    for (const auto& [id, one] : tickets_) {
        if (one.granted && one.until.passed(now)) {
            out = std::max<core::nanoseconds>(out, now - one.until.at());
        }
    }
    return out;
}

void scheduler_core::apply(const std::vector<decision>& all) {
    for (const decision& each : all) {
        changed_ = true;
        effects_.emplace_back(each);
        if (each.what != verdict::granted) {
            tickets_.erase(each.ticket);
            continue;
        }
        ticket& who = tickets_.at(each.ticket);
        who.granted = true;
        ++figures_.granted;
        deployment& of = *known(each.instance).first;
        figures_.overtaken += of.overtakes ? 1 : 0;
        for (instance& one : of.instances) {
            if (one.loaded()) {
                one.residency.granted(who.keep_alive);
            }
        }
    }
}

void scheduler_core::order(const instance& one, residence_order what, const char* why_stop) {
    if (what == residence_order::start) {
        effects_.emplace_back(effect::load{one.facts.id});
    } else if (what == residence_order::stop) {
        effects_.emplace_back(effect::unload{one.facts.id, why_stop});
    }
    changed_ = changed_ || what != residence_order::none;
}

void scheduler_core::notify(const deployment& deployed, const instance* but) {
    for (const instance& one : deployed.instances) {
        if (&one != but) {
            effects_.emplace_back(effect::notify{one.facts.id});
        }
    }
}

// --- requests

void scheduler_core::on(const event::arrived& what) {
    tickets_.emplace(what.who.ticket, ticket{what.until, what.keep_alive, false});
    apply(queue_.arrive(what.who, now_));
}

void scheduler_core::on(const event::withdrawn& what) {
    queue_.cancel(what.ticket);
    tickets_.erase(what.ticket);
}

void scheduler_core::on(const event::released& what) {
    tickets_.erase(what.ticket);
    apply(queue_.release(what.ticket, now_));
}

void scheduler_core::on(const event::held& what) {
    deployment* const of = known(what.model);
    if (of == nullptr) {
        return;
    }
    if (of->holds.empty()) {
        of->held_since = queue_.mark(now_);
    }
    of->holds.insert(what.hold);
}

void scheduler_core::on(const event::let_go& what) {
    for (deployment& each : deployments_) {
        if (each.holds.erase(what.hold) > 0 && each.holds.empty()) {
            each.held_since.reset();
        }
    }
}

void scheduler_core::on(const event::stopped& what) {
    const auto [of, one] = known(what.which);
    if (one != nullptr) {
        order(*one, one->residency.stopped(what.all, now_));
    }
}

// --- the configuration

core::nanoseconds scheduler_core::usual_stay(const deployment& deployed) const noexcept {
    const core::nanoseconds stay = deployed.settings.keep_alive.value_or(options_.keep_alive);
    return stay < core::nanoseconds{0} ? core::nanoseconds::max() : stay;
}

instance scheduler_core::made(const deployment& deployed, const instance_facts& facts, bool admitted) {
    instance out{facts, residency_policy({usual_stay(deployed), deployed.settings.pinned, true})};
    if (!admitted) {
        out.residency.hold_back();
    }
    if (queue_.suspended(deployed.model)) {
        order(out, out.residency.suspend(false, now_));
    }
    if (queue_.closed()) {
        out.residency.close();
    }
    return out;
}

void scheduler_core::leave(const instance& one) {
    effects_.emplace_back(effect::notify{one.facts.id});
    queue_.remove_instance(one.facts.id);
}

void scheduler_core::on(const event::added& added) {
    deployment* of = known(added.model);
    if (of == nullptr) {
        of = &deployments_.emplace_back(deployment{added.model, added.settings});
        queue_.add_queue(added.model);
    }
    if (added.instead) {
        take_over(*of, added);
    }
    for (const auto& [facts, now] : added.instances) {
        if (knows(facts.id)) {
            continue;
        }
        of->instances.push_back(made(*of, facts, !added.instead));
        queue_.add_instance(of->model, facts.id, now.claim.cards, now_, {facts.capacity, facts.tier});
    }
    const auto place_of = [&](const instance& one) {
        return std::find_if(added.instances.begin(), added.instances.end(),
                            [&](const auto& each) { return each.first.id == one.facts.id; });
    };
    std::stable_sort(of->instances.begin(), of->instances.end(), [&](const instance& a, const instance& b) {
        return added.instead && place_of(a) < place_of(b);
    });
    for (const auto& [facts, now] : added.instances) {
        see(now);
    }
    of->tiers.set_failback(of->settings.failback_after);
}

// Those that `added` does not name leave. When all do, those who held the model did so on the old ones.
void scheduler_core::take_over(deployment& deployed, const event::added& added) {
    deployed.settings = added.settings;
    const auto stays = [&](instance& one) {
        const auto found = std::find_if(added.instances.begin(), added.instances.end(),
                                        [&](const auto& each) { return each.first.id == one.facts.id; });
        if (found == added.instances.end()) {
            leave(one);
            return false;
        }
        one.facts = found->first;
        return true;
    };
    std::erase_if(deployed.instances, [&](instance& one) { return !stays(one); });
    for (instance& one : deployed.instances) {
        order(one, one.residency.set_rule(usual_stay(deployed), deployed.settings.pinned, now_));
    }
    if (deployed.instances.empty()) {
        queue_.renew_queue(deployed.model);
        deployed.holds.clear();
        deployed.held_since.reset();
        deployed.wanted.reset();
        deployed.displaces = false;
    }
}

void scheduler_core::on(const event::admitted& what) {
    if (deployment* const of = known(what.model)) {
        for (instance& one : of->instances) {
            order(one, one.residency.admit(now_));
        }
    }
}

void scheduler_core::on(const event::removed& what) {
    deployment* const of = known(what.model);
    if (of == nullptr) {
        return;
    }
    for (const instance& one : of->instances) {
        leave(one);
    }
    apply(queue_.remove_queue(what.model));
    deployments_.erase(deployments_.begin() + (of - deployments_.data()));
}

void scheduler_core::on(const event::adjusted& what) {
    options_ = what.options;
    queue_.set_max_waiting(options_.max_queue);
    queue_.set_hold(options_.conversation_hold);
    for (deployment& each : deployments_) {
        each.forget_no_memory();
        for (instance& one : each.instances) {
            order(one, one.residency.set_rule(usual_stay(each), each.settings.pinned, now_));
        }
    }
}

void scheduler_core::on(const event::closed&) {
    apply(queue_.refuse_new());
    for (deployment& each : deployments_) {
        for (instance& one : each.instances) {
            one.residency.close();
        }
        notify(each);
    }
}

// --- persons and clients

bool scheduler_core::needs_load(const deployment& deployed) const {
    return tiered(deployed) ? deployed.tiers.to_load().has_value() : deployed.any_loaded() == nullptr;
}

void scheduler_core::want(deployment& deployed) {
    if (needs_load(deployed)) {
        deployed.wanted = queue_.mark(now_);
    }
    deployed.preload_standby();
}

void scheduler_core::on(const event::preload& what) {
    for (deployment& each : deployments_) {
        const bool meant = what.model.empty() ? each.settings.preload : each.model == what.model;
        if (!meant || queue_.suspended(each.model)) {
            continue;
        }
        if (!each.loaded_in(0)) {
            each.preload.insert(0);
        }
        each.preload_standby();
        each.preload_more = each.most(0) > 1;
    }
}

void scheduler_core::on(const event::load& what) {
    deployment* const of = known(what.model);
    if (of == nullptr) {
        return;
    }
    of->forget_no_memory();
    settle(*of);
    if (!queue_.suspended(of->model)) {
        if (needs_load(*of)) {
            of->asked_stay = what.keep_alive;
        }
        want(*of);
    }
    for (instance& one : of->instances) {
        order(one, one.residency.load(what.keep_alive, now_));
    }
}

void scheduler_core::on(const event::unload& what) {
    deployment* const of = known(what.model);
    if (of == nullptr || of->settings.pinned) {
        return;
    }
    of->want_nothing();
    for (instance& one : of->instances) {
        order(one, one.residency.unload(now_));
    }
}

void scheduler_core::on(const event::suspended& what) {
    deployment* const of = known(what.model);
    if (of == nullptr) {
        return;
    }
    of->want_nothing();
    apply(queue_.suspend(of->model, suspension_text(of->model)));
    settle(*of);
    for (instance& one : of->instances) {
        order(one, one.residency.suspend(what.at_once, now_));
    }
    notify(*of);
}

void scheduler_core::on(const event::resumed& what) {
    deployment* const of = known(what.model);
    if (of == nullptr) {
        return;
    }
    for (instance& one : of->instances) {
        order(one, one.residency.resume(now_));
    }
    of->forget_no_memory();
    want(*of);
    apply(queue_.resume(of->model, now_));
}

}  // namespace corral::scheduler
