// Models that come, go and change, and what their changes mean for those who wait.

#include <algorithm>
#include <utility>

#include <boost/asio/co_spawn.hpp>

#include "scheduler/scheduler_impl.hpp"

namespace corral::scheduler {

namespace asio = core::asio;

namespace {

// Ends when the scheduler does or the backend is given back; never touches the backend afterwards.
template <typename Impl>
core::awaitable<void> watch(std::shared_ptr<Impl> of, std::shared_ptr<typename Impl::hosted> which,
                            std::string model) {
    co_await asio::this_coro::throw_if_cancelled(false);
    while (!of->over && !which->gone) {
        of->refresh(model);
        const core::deadline never;
        const core::wake_reason reason = co_await which->backend->availability_changed().wait(never);
        if (reason == core::wake_reason::cancelled) {
            co_return;
        }
    }
}

}  // namespace

std::string suspension_text(std::string_view model) {
    return "the model was stopped by its operator; 'corral start " + std::string(model) +
           "' on the server brings it back";
}

std::shared_ptr<scheduler::impl::lane> scheduler::impl::find(std::string_view model) const {
    const auto found =
        std::find_if(lanes.begin(), lanes.end(), [&](const auto& each) { return each->model == model; });
    return found == lanes.end() ? nullptr : *found;
}

// One that comes later to its model takes part in what the model is needed for.
void scheduler::impl::host(const std::shared_ptr<impl>& self, const std::shared_ptr<lane>& of,
                           engine::backend& runtime) {
    auto added = std::make_shared<hosted>();
    added->backend = &runtime;
    added->slot = slot_id{++self->last_slot};
    added->tier = runtime.model().tier;
    // Called only while impl is there: the runner is closed before it goes.
    auto changed = [home = self.get(), model = of->model] { home->refresh(model); };
    const residency_rule rule{self->usual_stay(*of), of->pinned, true};
    added->residency = std::make_shared<residency_runner>(self->on, self->clock, runtime,
                                                          residency_options{rule, self->options.stop_limit},
                                                          std::move(changed));
    for (std::size_t i = 0; i < of->users; ++i) {
        added->residency->requested();
    }
    added->residency->open();
    if (self->policy.closed()) {
        added->residency->refuse_new();
    }
    of->instances.push_back(added);
    self->slots.emplace(added->slot, added);
    self->policy.add_slot(of->model, added->slot, runtime.claim().cards, self->clock.now(),
                          {runtime.capacity(), added->tier});
    // Ends by ~scheduler or give_back(), which ring, or with the loop. Not by a cancellation signal: emitted
    // off the loop it would be carried out later, when the coroutine may have ended by itself (Boost 1.81).
    asio::co_spawn(self->on, watch(self, std::move(added), of->model),
                   [owner = self](std::exception_ptr thrown) {
                       if (thrown) {
                           std::rethrow_exception(thrown);
                       }
                   });
}

void scheduler::impl::take_settings(lane& of) const {
    const catalog::model_entry& entry = of.instances.front()->backend->model();
    of.pinned = entry.pinned;
    of.preload = entry.preload;
    of.most = std::max(1U, entry.instances);
    of.keep_alive = entry.keep_alive;
    of.tiers.set_failback(entry.failback_after);
}

core::nanoseconds scheduler::impl::usual_stay(const lane& of) const noexcept {
    const core::nanoseconds stay = of.keep_alive.value_or(options.keep_alive);
    return stay < core::nanoseconds{0} ? core::nanoseconds::max() : stay;
}

void scheduler::impl::give_back(const std::shared_ptr<hosted>& which) {
    which->gone = true;
    which->residency->close();
    policy.remove_slot(which->slot);
    slots.erase(which->slot);
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
           std::any_of(slots.begin(), slots.end(), [&](const auto& each) { return has(each.second); });
}

void scheduler::add(engine::backend& runtime) {
    const std::string& model = runtime.model().name;
    std::shared_ptr<impl::lane> of = impl_->find(model);
    if (of == nullptr) {
        of = std::make_shared<impl::lane>();
        of->model = model;
        const catalog::model_entry& entry = runtime.model();
        of->pinned = entry.pinned;
        of->keep_alive = entry.keep_alive;
        impl_->lanes.push_back(of);
        impl_->policy.add_lane(model);
    }
    impl::host(impl_, of, runtime);
    impl_->take_settings(*of);
    // It may be running already.
    impl_->look_at(*of, *of->instances.back());
    impl_->settle_tier(*of);
}

void scheduler::suspend(std::string_view model, bool at_once) {
    const auto of = impl_->find(model);
    if (of == nullptr) {
        return;
    }
    of->suspended = true;
    of->wanted.reset();
    of->spare = false;
    of->spare_more = false;
    of->standby.clear();
    impl_->apply(impl_->policy.bar(of->model, suspension_text(model)));
    impl_->refresh(of->model);
    for (const auto& one : of->instances) {
        one->residency->suspend(at_once);
        one->backend->availability_changed().ring();
    }
    impl_->arrange();
}

void scheduler::resume(std::string_view model) {
    const auto of = impl_->find(model);
    if (of == nullptr) {
        return;
    }
    impl_->refresh(of->model);
    of->suspended = false;
    for (const auto& one : of->instances) {
        one->residency->resume();
        if (!one->admitted) {
            one->residency->bar();
        }
    }
    of->forget_no_room();
    if (of->needs_load()) {
        of->wanted = impl_->policy.mark(impl_->clock.now());
    }
    of->want_standby();
    impl_->apply(impl_->policy.unbar(of->model, impl_->clock.now()));
    impl_->refresh(of->model);
}

bool scheduler::suspended(std::string_view model) const {
    const auto of = impl_->find(model);
    return of != nullptr && of->suspended;
}

void scheduler::adjust(const scheduler_options& with) {
    impl_->options = with;
    impl_->policy.set_max_waiting(with.max_queue);
    for (const auto& each : impl_->lanes) {
        each->forget_no_room();
        for (const auto& one : each->instances) {
            one->residency->set_usual_stay(impl_->usual_stay(*each));
        }
    }
    impl_->arrange();
}

void scheduler::remove(std::string_view model) {
    const auto of = impl_->find(model);
    if (of == nullptr) {
        return;
    }
    for (const auto& one : of->instances) {
        impl_->give_back(one);
    }
    std::erase(impl_->lanes, of);
    impl_->apply(impl_->policy.remove_lane(of->model));
    impl_->arrange();
}

void scheduler::replace(const std::vector<engine::backend*>& successors) {
    const auto of = impl_->find(successors.front()->model().name);
    if (of == nullptr) {
        for (engine::backend* const each : successors) {
            add(*each);
        }
        return;
    }
    const std::vector<std::shared_ptr<impl::hosted>> before = std::exchange(of->instances, {});
    std::vector<std::shared_ptr<impl::hosted>> kept;
    for (const auto& one : before) {
        const bool stays = std::find(successors.begin(), successors.end(), one->backend) != successors.end();
        if (stays) {
            kept.push_back(one);
        } else {
            impl_->give_back(one);
        }
    }
    if (kept.empty()) {
        impl_->renew_users(*of);
    }
    const catalog::model_entry& entry = successors.front()->model();
    of->pinned = entry.pinned;
    of->keep_alive = entry.keep_alive;
    for (engine::backend* const each : successors) {
        const auto known =
            std::find_if(kept.begin(), kept.end(), [&](const auto& one) { return one->backend == each; });
        if (known != kept.end()) {
            of->instances.push_back(*known);
            continue;
        }
        impl::host(impl_, of, *each);
        of->instances.back()->admitted = false;
        of->instances.back()->residency->bar();
    }
    impl_->take_settings(*of);
    impl_->settle_tier(*of);
    impl_->arrange();
}

// Other backends have the model: those who had a lease or held it did so on the old ones.
void scheduler::impl::renew_users(lane& of) {
    policy.renew_lane(of.model);
    ++of.age;
    of.users = 0;
    of.holds = 0;
    of.held_since.reset();
    of.wanted.reset();
    of.displaces = false;
    for (const auto& [id, waits] : waiters) {
        if (waits->of.get() == &of && waits->admitted && !waits->told) {
            waits->age = of.age;
            ++of.users;
        }
    }
}

void scheduler::admit(std::string_view model) {
    const auto of = impl_->find(model);
    if (of == nullptr) {
        return;
    }
    for (const auto& one : of->instances) {
        if (!one->admitted) {
            one->admitted = true;
            if (!of->suspended) {
                one->residency->admit();
            }
        }
    }
    impl_->refresh(of->model);
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
    if (of == nullptr) {
        return nullptr;
    }
    for (const auto wanted : {engine::availability_state::ready, engine::availability_state::loading}) {
        for (const auto& one : of->instances) {
            if (one->backend->available().state == wanted) {
                return one->backend;
            }
        }
    }
    return of->instances.front()->backend;
}

std::vector<engine::backend*> scheduler::runtimes_of(std::string_view model) const {
    std::vector<engine::backend*> out;
    if (const auto of = impl_->find(model)) {
        for (const auto& one : of->instances) {
            out.push_back(one->backend);
        }
    }
    return out;
}

model_queue scheduler::queue_of(std::string_view model) const {
    const auto of = impl_->find(model);
    if (of == nullptr) {
        return {};
    }
    return {impl_->policy.waiting_for(of->model), of->leases(), of->why, of->impossible};
}

}  // namespace corral::scheduler
