#include "corral/scheduler/scheduler.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include <boost/asio/co_spawn.hpp>

#include "corral/core/say.hpp"
#include "scheduler/scheduler_runner.hpp"

namespace corral::scheduler {

namespace asio = core::asio;

namespace {

refusal make_refusal(const decision& why) {
    using chat::failure_kind;
    using core::say;
    switch (why.what) {
        case verdict::queue_full:
            return {failure_kind::queue_full, say("request.queue-full"), why.retry_after};
        case verdict::too_late:
            return {failure_kind::unavailable,
                    say("request.deadline/too-late",
                        std::to_string(why.retry_after.value_or(core::seconds{1}).count())),
                    why.retry_after};
        case verdict::unknown_model:
            return {failure_kind::model_not_found, say("request.not-served"), {}};
        case verdict::broken:
            return {failure_kind::unavailable,
                    why.reason.empty() ? say("request.runtime-refuses") : why.reason, why.retry_after};
        case verdict::suspended:
        case verdict::no_memory:
            return {failure_kind::unavailable, why.reason, {}};
        case verdict::removed:
            return {failure_kind::unavailable, say("request.removed"), {}};
        case verdict::shutting_down:
            return {failure_kind::shutting_down, say("request.shutting-down"), {}};
        case verdict::granted:
            break;
    }
    return {failure_kind::internal, say("request.no-result"), {}};
}

// A load of which only the runtime itself knows how long it takes.
queue_place with_load(queue_place place, std::span<engine::backend* const> all) {
    std::optional<core::seconds> left;
    for (const engine::backend* const each : all) {
        const engine::availability now = each->available();
        if (now.state == engine::availability_state::ready) {
            return place;
        }
        if (now.state == engine::availability_state::loading) {
            place.loads = true;
            left = now.left && (!left || *now.left < *left) ? now.left : left;
        }
    }
    if (left) {
        place.estimate = std::max({core::seconds{1}, *left, place.estimate.value_or(core::seconds{0})});
    }
    return place;
}

}  // namespace

scheduler::scheduler(core::executor on, const core::clock_source& clock, scheduler_options options)
    : impl_(std::make_shared<impl>(std::move(on), clock, std::move(options))) {
    impl_->tasks.spawn("clock of the scheduler", impl::keep_time(impl_));
}

scheduler::~scheduler() {
    refuse_new();
    impl_->over = true;
    impl_->lease_over.ring();
    impl_->look_bell.ring();
    // The group of the tasks goes after the last of them.
    asio::co_spawn(impl_->on, impl_->tasks.wait_empty(), [last = impl_](std::exception_ptr, bool) {});
}

// --- requests

core::awaitable<boost::system::result<lease, refusal>> scheduler::acquire(admission_request who) {
    const std::shared_ptr<impl> of = impl_;
    impl::waiter place(of, who);
    const ticket_id id = place.id();
    of->post(event::arrived{
        {id, who.client, who.model, who.readmission, who.behind,
         who.batch ? priority_level::batch : priority_level::interactive, who.until, who.yields},
        who.until,
        who.keep_alive});
    if (!place.outcome() && who.on_queued && !who.readmission) {
        if (const auto stands = of->place_of(place)) {
            who.on_queued(*stands);
        }
    }
    core::wake_reason reason = core::wake_reason::rung;
    while (!place.outcome() && reason == core::wake_reason::rung) {
        reason = co_await place.bell().wait(who.until);
    }
    if (reason == core::wake_reason::cancelled) {
        co_return refusal{chat::failure_kind::cancelled, core::say("request.withdrawn"), {}};
    }
    if (!place.outcome()) {
        co_return refusal{chat::failure_kind::timed_out, core::say("request.deadline"),
                          engine::until_next_try(of->backends_of(who.model), of->clock.now())};
    }
    if (place.at() == nullptr) {
        refusal why = make_refusal(*place.outcome());
        if (place.outcome()->what == verdict::broken) {
            why.message = engine::absence(of->backends_of(who.model), why.message);
        }
        if (!why.retry_after) {
            why.retry_after = engine::until_next_try(of->backends_of(who.model), of->clock.now());
        }
        co_return why;
    }
    std::function<void()> begins;
    if (who.yields) {
        begins = [of, id] { of->post(event::begun{id}); };
    }
    lease given(std::shared_ptr<engine::backend>(
                    place.at(), [of, id](engine::backend*) { of->post(event::released{id}); }),
                std::move(begins));
    place.hand_on();
    co_return std::move(given);
}

void scheduler::refuse_new() {
    impl_->post(event::closed{});
}

bool scheduler::refuses_new() const noexcept {
    return impl_->core.queue().closed();
}

core::awaitable<bool> scheduler::wait_idle(core::deadline until) {
    const std::shared_ptr<impl> of = impl_;
    core::wake_reason reason = core::wake_reason::rung;
    while (of->core.queue().running() > 0 && reason == core::wake_reason::rung) {
        reason = co_await of->lease_over.wait(until);
    }
    co_return of->core.queue().running() == 0;
}

model_hold scheduler::hold(std::string_view model) {
    if (impl_->core.find(model) == nullptr) {
        return nullptr;
    }
    const hold_id id{++impl_->last_id};
    impl_->post(event::held{std::string(model), id});
    // Who holds may outlive the scheduler.
    return model_hold(impl_.get(), [home = std::weak_ptr<impl>(impl_), id](void*) {
        if (const std::shared_ptr<impl> still = home.lock()) {
            still->post(event::let_go{id});
        }
    });
}

// --- models

void scheduler::add(engine::backend& runtime) {
    impl_->add(runtime.model().name, {&runtime}, false);
}

void scheduler::replace(const std::vector<engine::backend*>& successors) {
    impl_->add(successors.front()->model().name, successors, true);
}

void scheduler::admit(std::string_view model) {
    impl_->post(event::admitted{std::string(model)});
}

void scheduler::remove(std::string_view model) {
    impl_->post(event::removed{std::string(model)});
}

void scheduler::adjust(const scheduler_options& with) {
    impl_->post(event::adjusted{with});
}

void scheduler::look() {
    impl_->post(event::looked{});
}

void scheduler::preload() {
    impl_->post(event::preload{});
}

void scheduler::preload(std::string_view model) {
    impl_->post(event::preload{std::string(model)});
}

void scheduler::load(std::string_view model, std::optional<core::nanoseconds> keep_alive) {
    impl_->post(event::load{std::string(model), keep_alive});
}

bool scheduler::unload(std::string_view model) {
    const deployment* const of = impl_->core.find(model);
    impl_->post(event::unload{std::string(model)});
    return of == nullptr || !of->settings.pinned;
}

void scheduler::suspend(std::string_view model, bool at_once) {
    impl_->post(event::suspended{std::string(model), at_once});
}

void scheduler::resume(std::string_view model) {
    impl_->post(event::resumed{std::string(model)});
}

bool scheduler::suspended(std::string_view model) const {
    return impl_->core.queue().suspended(std::string(model));
}

reader scheduler::read(std::string_view model) const {
    const deployment* const of = impl_->core.find(model);
    if (of == nullptr || impl_->core.tiered(*of) || suspended(model)) {
        return nullptr;
    }
    for (const instance& one : of->instances) {
        engine::backend& backend = impl_->backend_of(one);
        if (one.loaded() && one.residency.admitted() &&
            backend.available().state == engine::availability_state::ready) {
            ++impl_->readers[&backend];
            return {&backend, [home = impl_](const engine::backend* read) {
                        const auto found = home->readers.find(read);
                        if (--found->second == 0) {
                            home->readers.erase(found);
                            home->lease_over.ring();
                        }
                    }};
        }
    }
    return nullptr;
}

core::awaitable<bool> scheduler::wait_unleased(const engine::backend& runtime, core::deadline until) {
    const std::shared_ptr<impl> of = impl_;
    const engine::backend* const which = &runtime;
    core::wake_reason reason = core::wake_reason::rung;
    while (of->leased(which) && !of->over && reason == core::wake_reason::rung) {
        reason = co_await of->lease_over.wait(until);
    }
    co_return !of->leased(which);
}

// --- what others see

engine::backend* scheduler::runtime_of(std::string_view model) const {
    const std::vector<engine::backend*> all = runtimes_of(model);
    for (const auto wanted : {engine::availability_state::ready, engine::availability_state::loading}) {
        for (engine::backend* const one : all) {
            if (one->available().state == wanted) {
                return one;
            }
        }
    }
    return all.empty() ? nullptr : all.front();
}

std::vector<engine::backend*> scheduler::runtimes_of(std::string_view model) const {
    return impl_->backends_of(model);
}

std::vector<engine::backend*> scheduler::impl::backends_of(std::string_view model) const {
    std::vector<engine::backend*> out;
    if (const deployment* const of = core.find(model)) {
        for (const instance& one : of->instances) {
            out.push_back(&backend_of(one));
        }
    }
    return out;
}

std::vector<instance_state> scheduler::instances_of(std::string_view model) const {
    std::vector<instance_state> out;
    if (const deployment* const of = impl_->core.find(model)) {
        for (const instance& one : of->instances) {
            engine::backend& backend = impl_->backend_of(one);
            const bool loaded = one.residency.stage() != residence_stage::unloaded && !one.broken();
            out.push_back({&backend, loaded, backend.claim(), impl_->core.queue().leases(one.facts.id)});
        }
    }
    return out;
}

residence scheduler::residence_of(std::string_view model) const {
    const deployment* const of = impl_->core.find(model);
    return of == nullptr ? residence{} : of->stays();
}

std::optional<tier_report> scheduler::tiers_of(std::string_view model) const {
    const deployment* const of = impl_->core.find(model);
    if (of == nullptr || !impl_->core.tiered(*of)) {
        return std::nullopt;
    }
    tier_report out = of->last_change;
    out.serving = impl_->core.queue().tier_of(of->model);
    out.label = of->label_of(out.serving);
    return out;
}

std::vector<waiting_request> scheduler::waiting(std::size_t most) const {
    std::vector<const impl::waiter*> all;
    for (const auto& [id, one] : impl_->waiters) {
        if (!one->outcome()) {
            all.push_back(one);
        }
    }
    std::ranges::sort(all, {}, [](const impl::waiter* one) { return one->id(); });
    all.resize(std::min(all.size(), most));
    std::vector<waiting_request> out;
    for (const impl::waiter* const one : all) {
        waiting_request row{one->who().id, one->who().model, one->since(), {}};
        row.place = impl_->place_of(*one).value_or(row.place);
        out.push_back(std::move(row));
    }
    return out;
}

std::optional<queue_place> scheduler::impl::place_of(const waiter& one) const {
    const auto stands = core.queue().standing_of(one.id(), clock.now());
    if (one.outcome() || !stands) {
        return std::nullopt;
    }
    return with_load({stands->ahead, stands->estimate}, backends_of(one.who().model));
}

std::optional<queue_place> scheduler::place_of(std::string_view request) const {
    const auto found = std::ranges::find_if(
        impl_->waiters, [&](const auto& each) { return each.second->who().id == request; });
    return found == impl_->waiters.end() ? std::nullopt : impl_->place_of(*found->second);
}

model_queue scheduler::queue_of(std::string_view model) const {
    const deployment* const of = impl_->core.find(model);
    if (of == nullptr) {
        return {};
    }
    std::size_t running = impl_->core.leases(*of);
    for (const auto& [id, backend] : impl_->leavers) {
        running += backend->model().name == of->model ? impl_->core.queue().leases(id) : 0;
    }
    return {impl_->core.queue().waiting_for(of->model), running, of->why, of->impossible};
}

std::optional<core::nanoseconds> scheduler::people_wait(std::string_view model,
                                                        const engine::backend& on) const {
    const deployment* const of = impl_->core.find(model);
    if (of == nullptr) {
        return std::nullopt;
    }
    if (impl_->core.queue().people_wait_for(of->model)) {
        return core::nanoseconds{0};
    }
    for (const instance& one : of->instances) {
        if (&impl_->backend_of(one) == &on) {
            return one.yields;
        }
    }
    return std::nullopt;
}

outlook scheduler::outlook_of(std::string_view model) const {
    const deployment* const of = impl_->core.find(model);
    if (of == nullptr) {
        return {};
    }
    const queue_policy& queue = impl_->core.queue();
    outlook out;
    out.waiting = queue.waiting_for(of->model);
    out.running = impl_->core.leases(*of);
    out.places = queue.places(of->model);
    out.needs_room = impl_->core.needs_room(*of);
    if (const auto stands = queue.standing_now(of->model, impl_->clock.now())) {
        out.estimate = with_load({stands->ahead, stands->estimate}, impl_->backends_of(model)).estimate;
    }
    return out;
}

queue_snapshot scheduler::snapshot() const noexcept {
    const queue_policy& queue = impl_->core.queue();
    const scheduler_figures& figures = impl_->core.figures();
    const core::steady_time now = impl_->clock.now();
    queue_snapshot out;
    out.waiting = queue.waiting();
    out.running = queue.running();
    out.estimate = queue.estimate_now(now);
    out.granted = figures.granted;
    out.swaps = figures.swaps;
    out.evictions = figures.evictions;
    out.overtaken = figures.overtaken;
    out.overdue = impl_->core.overdue(now);
    for (const deployment& each : impl_->core.deployments()) {
        const auto idles = [&](const instance& one) {
            const bool leaves =
                !one.residency.admitted() || one.residency.stage() == residence_stage::unloading;
            return !leaves && queue.is_free(one.facts.id) &&
                   impl_->backend_of(one).available().state == engine::availability_state::ready;
        };
        if (queue.waiting_for(each.model) > 0) {
            out.estimate = with_load({0, out.estimate}, impl_->backends_of(each.model)).estimate;
        }
        if (!queue.suspended(each.model) &&
            std::any_of(each.instances.begin(), each.instances.end(), idles)) {
            out.neglected += queue.waiting_for(each.model);
        }
    }
    return out;
}

}  // namespace corral::scheduler
