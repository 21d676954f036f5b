// Models that come, go and rest, and what their changes mean for those who wait.

#include <algorithm>
#include <utility>

#include "scheduler/scheduler_impl.hpp"

namespace corral::scheduler {

namespace {

lane_state lane_of(engine::availability_state state) {
    switch (state) {
        case engine::availability_state::ready:
            return lane_state::ready;
        case engine::availability_state::broken:
            return lane_state::broken;
        case engine::availability_state::loading:
            return lane_state::loading;
        case engine::availability_state::stopped:
            break;
    }
    return lane_state::unloaded;
}

}  // namespace

std::string suspension_text(std::string_view model) {
    return "the model was stopped by its operator; 'corral start " + std::string(model) +
           "' on the server brings it back";
}

void scheduler::impl::refresh(const std::string& model) {
    const std::shared_ptr<hosted> of = find(model);
    if (of == nullptr || over) {
        return;
    }
    // This may start it, or stop it, so it is looked at again.
    of->residency->observed(of->backend->available().state);
    if (of->suspended) {
        apply(policy.lane_changed(model, lane_state::barred, suspension_text(model), clock.now()));
        return;
    }
    const engine::availability now = of->backend->available();
    // One that is about to be stopped may still look ready.
    const bool leaves = of->residency->policy().stage() == residence_stage::unloading;
    const lane_state state = leaves || !of->admitted ? lane_state::unloaded : lane_of(now.state);
    apply(policy.lane_changed(model, state, now.reason, clock.now()));
}

void scheduler::impl::apply(const std::vector<decision>& decisions) {
    for (const decision& each : decisions) {
        const auto found = waiters.find(each.ticket);
        if (found == waiters.end()) {
            continue;
        }
        if (each.what == verdict::granted) {
            ++found->second->at->leases;
        }
        found->second->told = each;
        found->second->bell.ring();
    }
}

void scheduler::impl::release(ticket_id id, const std::string& model, hosted& at) {
    // A backend that is no longer ready must not be granted again by this very release.
    refresh(model);
    apply(policy.release(id, clock.now()));
    at.residency->released();
    if (--at.leases == 0) {
        std::erase_if(gone, [](const std::shared_ptr<hosted>& one) { return one->leases == 0; });
        given_back.ring();
    }
    if (policy.running() == 0) {
        idle.ring();
    }
}

void scheduler::impl::note_arrival(ticket_id id, const admission_request& who, bool waits) {
    if (waits && who.on_queued && !who.readmission) {
        if (const auto place = policy.standing_of(id, clock.now())) {
            who.on_queued({place->ahead, place->estimate});
        }
    }
    if (residency_runner* const of = residency_of(who.model)) {
        of->requested();
    }
}

void scheduler::impl::give_back(const std::shared_ptr<hosted>& which) {
    which->gone = true;
    which->residency->close();
    which->backend->availability_changed().ring();
    if (which->leases > 0) {
        gone.push_back(which);
    }
}

bool scheduler::impl::leased(const engine::backend* which) const {
    const auto has = [which](const std::shared_ptr<hosted>& one) {
        return one->backend == which && one->leases > 0;
    };
    return std::any_of(gone.begin(), gone.end(), has) ||
           std::any_of(runtimes.begin(), runtimes.end(), [&](const auto& each) { return has(each.second); });
}

void scheduler::suspend(std::string_view model, bool at_once) {
    if (const auto of = impl_->find(model)) {
        of->suspended = true;
        impl_->refresh(std::string(model));
        of->residency->suspend(at_once);
        of->backend->availability_changed().ring();
    }
}

void scheduler::resume(std::string_view model) {
    if (const auto of = impl_->find(model)) {
        impl_->refresh(std::string(model));
        of->suspended = false;
        if (of->admitted) {
            of->residency->resume();
        } else {
            of->residency->load(std::nullopt);  // heard once it is admitted
        }
        impl_->refresh(std::string(model));
    }
}

bool scheduler::suspended(std::string_view model) const {
    const auto of = impl_->find(model);
    return of != nullptr && of->suspended;
}

void scheduler::adjust(const scheduler_options& with) {
    impl_->options = with;
    impl_->policy.set_max_waiting(with.max_queue);
    for (const auto& [model, known] : impl_->runtimes) {
        known->residency->set_usual_stay(with.keep_alive);
    }
}

void scheduler::remove(std::string_view model) {
    const auto of = impl_->find(model);
    if (of == nullptr) {
        return;
    }
    impl_->give_back(of);
    impl_->runtimes.erase(std::string(model));
    impl_->apply(impl_->policy.remove_lane(std::string(model)));
}

void scheduler::replace(engine::backend& successor) {
    const std::string model = successor.model().name;
    const auto before = impl_->find(model);
    if (before == nullptr) {
        return add(successor);
    }
    impl_->give_back(before);
    impl_->policy.renew_lane(model, impl_->clock.now());
    host(successor);
    const auto now = impl_->find(model);
    now->admitted = false;
    now->residency->bar();
    now->suspended = before->suspended;
    for (const auto& [id, waits] : impl_->waiters) {
        if (waits->at == before && !waits->told) {
            waits->at = now;
            if (waits->admitted) {
                now->residency->requested();
            }
        }
    }
}

void scheduler::admit(std::string_view model) {
    const auto of = impl_->find(model);
    if (of == nullptr || of->admitted) {
        return;
    }
    of->admitted = true;
    if (!of->suspended) {
        of->residency->admit();
    }
    impl_->refresh(std::string(model));
}

core::awaitable<bool> scheduler::wait_unleased(const engine::backend& runtime, core::deadline until) {
    const std::shared_ptr<impl> of = impl_;
    const engine::backend* const which = &runtime;
    core::wake_reason reason = core::wake_reason::rung;
    while (of->leased(which) && !of->over && reason == core::wake_reason::rung) {
        reason = co_await of->given_back.wait(until);
    }
    co_return !of->leased(which);
}

engine::backend* scheduler::runtime_of(std::string_view model) const {
    const auto of = impl_->find(model);
    return of == nullptr ? nullptr : of->backend;
}

model_queue scheduler::queue_of(std::string_view model) const {
    const auto of = impl_->find(model);
    return of == nullptr ? model_queue{}
                         : model_queue{impl_->policy.waiting_for(std::string(model)), of->leases};
}

}  // namespace corral::scheduler
