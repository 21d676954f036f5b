// How long models stay, and what their backends say of themselves.

#include <algorithm>
#include <utility>

#include "scheduler/scheduler_impl.hpp"

namespace corral::scheduler {

namespace {

slot_state slot_of(engine::availability_state state) {
    switch (state) {
        case engine::availability_state::ready:
            return slot_state::ready;
        case engine::availability_state::broken:
            return slot_state::broken;
        case engine::availability_state::loading:
            return slot_state::loading;
        case engine::availability_state::stopped:
            break;
    }
    return slot_state::unloaded;
}

bool is_loaded(const residency_policy& of) {
    return of.stage() != residence_stage::unloaded && of.seen() != engine::availability_state::broken;
}

}  // namespace

void scheduler::impl::lane::requested() {
    ++users;
    for (const auto& one : instances) {
        one->residency->requested();
    }
}

void scheduler::impl::lane::released(std::uint64_t since_age) {
    if (since_age != age || users == 0) {
        return;  // on backends that were replaced
    }
    --users;
    // What is stopped now calls back, and the list may change then.
    const std::vector<std::shared_ptr<hosted>> all = instances;
    for (const auto& one : all) {
        one->residency->released();
    }
}

void scheduler::impl::lane::granted(std::optional<core::nanoseconds> stay_from_now) {
    for (const auto& one : instances) {
        if (one->residency->policy().stage() == residence_stage::loaded) {
            one->residency->granted(stay_from_now);
        }
    }
}

std::size_t scheduler::impl::lane::leases() const {
    std::size_t out = 0;
    for (const auto& one : instances) {
        out += one->leases;
    }
    return out;
}

const scheduler::impl::hosted* scheduler::impl::lane::any_loaded() const {
    const auto found = std::find_if(instances.begin(), instances.end(), [](const auto& one) {
        return one->residency->policy().stage() == residence_stage::loaded;
    });
    return found == instances.end() ? nullptr : found->get();
}

void scheduler::impl::refresh(const std::string& model) {
    const std::shared_ptr<lane> of = find(model);
    if (of == nullptr || over) {
        return;
    }
    const std::vector<std::shared_ptr<hosted>> all = of->instances;
    for (const auto& one : all) {
        look_at(*of, *one);
    }
    settle_tier(*of);
    arrange();
}

void scheduler::impl::look_at(lane& of, hosted& one) {
    if (over || one.gone) {
        return;
    }
    const engine::availability_state before = one.residency->policy().seen();
    // This may stop it, so it is looked at again.
    one.residency->observed(one.backend->available().state);
    const engine::availability now = one.backend->available();
    // One that is about to be stopped may still look ready, and so may what a failed stop has left.
    const bool loaded = one.residency->policy().stage() == residence_stage::loaded;
    if (!loaded) {
        one.load_began.reset();
    } else if (!one.load_began) {
        one.load_began = clock.now();  // by somebody else
        one.first_load = true;
    }
    one.first_load = one.first_load && loaded && now.state != engine::availability_state::ready;
    const slot_state state = loaded && one.admitted ? slot_of(now.state) : slot_state::unloaded;
    apply(policy.slot_changed(one.slot, state, now.reason, clock.now()));
    if (now.state == before) {
        return;
    }
    // Who waits for the model looks at one of its backends only.
    for (const auto& other : of.instances) {
        if (other.get() != &one) {
            other->backend->availability_changed().ring();
        }
    }
}

void scheduler::impl::apply(const std::vector<decision>& decisions) {
    for (const decision& each : decisions) {
        const auto found = waiters.find(each.ticket);
        if (found == waiters.end()) {
            continue;
        }
        waiter& who = *found->second;
        if (each.what == verdict::granted) {
            who.at = slots.at(each.slot);
            ++who.at->leases;
            overtaken += who.of->overtakes ? 1 : 0;
        }
        who.told = each;
        who.bell.ring();
    }
}

void scheduler::impl::release(ticket_id id, lane& of, std::uint64_t age, hosted& at) {
    // A backend that is no longer ready, or whose turn is over, must not be granted again by this very
    // release.
    refresh(of.model);
    apply(policy.release(id, clock.now()));
    of.released(age);
    if (--at.leases == 0) {
        std::erase_if(gone, [](const std::shared_ptr<hosted>& one) { return one->leases == 0; });
        given_back.ring();
    }
    if (policy.running() == 0) {
        idle.ring();
    }
    arrange();
}

void scheduler::preload() {
    for (const auto& each : impl_->lanes) {
        each->spare = each->preload && !each->suspended && !each->loaded_in(0);
        if (each->preload && !each->suspended) {
            each->want_standby();
        }
        each->spare_more = each->preload && !each->suspended && each->most > 1;
    }
    impl_->arrange();
}

void scheduler::preload(std::string_view model) {
    const auto of = impl_->find(model);
    if (of != nullptr && !of->suspended) {
        of->spare = !of->loaded_in(0);
        of->want_standby();
        of->spare_more = of->most > 1;
        impl_->refresh(of->model);
    }
}

void scheduler::load(std::string_view model, std::optional<core::nanoseconds> keep_alive) {
    const auto of = impl_->find(model);
    if (of == nullptr) {
        return;
    }
    of->forget_no_room();
    impl_->refresh(of->model);
    if (of->needs_load() && !of->suspended) {
        of->wanted = impl_->policy.mark(impl_->clock.now());
        of->asked_stay = keep_alive;
    }
    if (!of->suspended) {
        of->want_standby();
    }
    for (const auto& one : of->instances) {
        one->residency->load(keep_alive);
    }
    impl_->refresh(of->model);
}

bool scheduler::unload(std::string_view model) {
    const auto of = impl_->find(model);
    if (of == nullptr) {
        return true;
    }
    if (of->pinned) {
        return false;
    }
    impl_->refresh(of->model);
    of->wanted.reset();
    of->spare = false;
    of->spare_more = false;
    of->standby.clear();
    const std::vector<std::shared_ptr<impl::hosted>> all = of->instances;
    for (const auto& one : all) {
        one->residency->unload();
    }
    impl_->arrange();
    return true;
}

model_hold scheduler::hold(std::string_view model) {
    const auto of = impl_->find(model);
    if (of == nullptr) {
        return nullptr;
    }
    of->requested();
    if (++of->holds == 1) {
        of->held_since = impl_->policy.mark(impl_->clock.now());
    }
    impl_->refresh(of->model);
    // Who holds may outlive the scheduler.
    return model_hold(of.get(), [home = std::weak_ptr<impl>(impl_), of, age = of->age](impl::lane*) {
        const std::shared_ptr<impl> still = home.lock();
        if (still == nullptr || still->over) {
            return;
        }
        if (age == of->age && --of->holds == 0) {
            of->held_since.reset();
        }
        of->released(age);
        still->arrange();
    });
}

residence scheduler::residence_of(std::string_view model) const {
    residence out;
    const auto of = impl_->find(model);
    if (of == nullptr) {
        return out;
    }
    out.pinned = of->pinned;
    const impl::hosted* const shown = of->any_loaded() != nullptr ? of->any_loaded() : of->instances[0].get();
    out.stay = shown->residency->policy().stay();
    if (of->any_loaded() == nullptr && of->wanted && of->asked_stay && !of->pinned) {
        out.stay = *of->asked_stay;
    }
    bool for_ever = false;
    for (const auto& one : of->instances) {
        const residency_policy& now = one->residency->policy();
        out.loaded = out.loaded || is_loaded(now);
        if (now.stage() == residence_stage::unloaded) {
            continue;
        }
        for_ever = for_ever || !now.leaves_at();
        if (now.leaves_at() && (!out.expires || *out.expires < *now.leaves_at())) {
            out.expires = now.leaves_at();
        }
    }
    if (for_ever) {
        out.expires.reset();
    }
    return out;
}

std::vector<instance_state> scheduler::instances_of(std::string_view model) const {
    std::vector<instance_state> out;
    const auto of = impl_->find(model);
    if (of == nullptr) {
        return out;
    }
    for (const auto& one : of->instances) {
        const residency_policy& now = one->residency->policy();
        out.push_back({one->backend, is_loaded(now), one->backend->claim(), one->leases, now.leaves_at()});
    }
    return out;
}

}  // namespace corral::scheduler
