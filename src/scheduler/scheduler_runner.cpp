#include "scheduler/scheduler_runner.hpp"

#include <algorithm>

#include "corral/catalog/placement.hpp"

namespace corral::scheduler {

namespace asio = core::asio;

namespace {

// At most so long nobody looks while a model waits: what a card has room for changes without a word.
constexpr core::seconds longest_look{1};

deployment_settings settings_of(const catalog::model_entry& of) {
    return {of.pinned, of.preload, of.keep_alive, of.failback_after};
}

// How long until the next look, in real time; nothing: until something happens.
core::deadline wait_for(const next_look& next, core::steady_time now) {
    core::nanoseconds left = core::nanoseconds::max();
    if (next.expiry) {
        left = core::deadline(*next.expiry).left(now);
    }
    if (next.change) {
        const core::nanoseconds due = core::deadline(*next.change).left(now);
        left = std::min<core::nanoseconds>(
            left, std::clamp<core::nanoseconds>(due, core::milliseconds{1}, longest_look));
    }
    if (next.blocked) {
        left = std::min<core::nanoseconds>(left, longest_look);
    }
    return left == core::nanoseconds::max() ? core::deadline{}
                                            : core::deadline::after(left, std::chrono::steady_clock::now());
}

}  // namespace

instance_reading scheduler::impl::reading_of(instance_id id, const engine::backend& backend) const {
    engine::availability now = backend.available();
    return {id, now.state, std::move(now.reason), backend.claim(), now.renewed, backend.clears_at()};
}

// The backends' word counts at the moment of each event; a watcher's wake-up may still be on its way.
void scheduler::impl::handle(const scheduler_event& what) {
    std::vector<instance_reading> all;
    all.reserve(hosted.size());
    for (const auto& [id, backend] : hosted) {
        all.push_back(reading_of(id, *backend));
    }
    core.see(all, clock.now());
    for (const scheduler_effect& each : core.handle(what, clock.now())) {
        std::visit([this](const auto& one) { perform(one); }, each);
    }
    if (core.next_look() != awaited) {
        look_bell.ring();
    }
    if (std::holds_alternative<event::released>(what)) {
        lease_over.ring();
    }
    forget_leavers();
}

void scheduler::impl::perform(const decision& one) {
    if (const auto found = waiters.find(one.ticket); found != waiters.end()) {
        found->second->decide(one, one.what == verdict::granted ? hosted.at(one.instance) : nullptr);
    }
}

void scheduler::impl::perform(const effect::load& one) {
    if (const auto found = hosted.find(one.which); found != hosted.end()) {
        const catalog::model_entry& model = found->second->model();
        telemetry::log().info("model {}: loads", model.tier == 0 ? model.name : catalog::label_of(model));
        found->second->start();
        post(event::looked{});
    }
}

void scheduler::impl::perform(const effect::unload& one) {
    if (const auto found = hosted.find(one.which); found != hosted.end()) {
        const catalog::model_entry& model = found->second->model();
        telemetry::log().info("model {}: {} and is unloaded",
                              model.tier == 0 ? model.name : catalog::label_of(model), one.why);
        tasks.spawn("unload " + model.name, stop(shared_from_this(), one.which));
    }
}

core::awaitable<void> scheduler::impl::stop(std::shared_ptr<impl> self, instance_id id) {
    const auto found = self->hosted.find(id);
    if (found == self->hosted.end()) {
        co_return;
    }
    engine::backend& backend = *found->second;
    const core::deadline until =
        core::deadline::after(self->core.options().stop_limit, std::chrono::steady_clock::now());
    const bool all = co_await backend.stop(until);
    if (self->over || !self->hosted.contains(id)) {
        co_return;  // whoever took it away looks after the backend now, or it is gone
    }
    if (!all) {
        telemetry::error(core::say("service.stop-overdue/model", backend.model().name));
    }
    self->post(event::stopped{id, all});
}

core::awaitable<void> scheduler::impl::watch(std::shared_ptr<impl> self, instance_id id) {
    co_await asio::this_coro::throw_if_cancelled(false);
    while (!self->over && self->hosted.contains(id)) {
        self->post(event::looked{});
        const core::deadline never;
        const core::wake_reason reason = co_await self->hosted.at(id)->availability_changed().wait(never);
        if (reason == core::wake_reason::cancelled) {
            co_return;
        }
    }
}

// The wait is measured by the injected clock but lasts in real time, so that a clock that stands still makes
// no busy loop.
core::awaitable<void> scheduler::impl::keep_time(std::shared_ptr<impl> self) {
    co_await asio::this_coro::throw_if_cancelled(false);
    while (!self->over) {
        self->awaited = self->core.next_look();
        const core::deadline until = wait_for(self->awaited, self->clock.now());
        const core::wake_reason reason = co_await self->look_bell.wait(until);
        if (reason == core::wake_reason::cancelled) {
            co_return;
        }
        if (reason == core::wake_reason::timed_out) {
            self->post(event::looked{});
        }
    }
}

void scheduler::impl::add(std::string_view model, const std::vector<engine::backend*>& backends,
                          bool instead) {
    event::added what{std::string(model), settings_of(backends.front()->model()), {}, instead};
    std::vector<instance_id> fresh;
    for (engine::backend* const each : backends) {
        const auto known = std::find_if(hosted.begin(), hosted.end(),
                                        [each](const auto& one) { return one.second == each; });
        const instance_id id = known == hosted.end() ? instance_id{++last_id} : known->first;
        if (known == hosted.end()) {
            hosted.emplace(id, each);
            fresh.push_back(id);
        }
        const catalog::model_entry& entry = each->model();
        what.instances.emplace_back(instance_facts{id, entry.tier, each->facts().capacity, entry.instances,
                                                   entry.preload, catalog::label_of(entry)},
                                    reading_of(id, *each));
    }
    post(std::move(what));
    for (const instance_id id : fresh) {
        tasks.spawn("watch " + std::string(model), watch(shared_from_this(), id));
    }
}

// Their watchers end, and are not to touch the backend any more.
void scheduler::impl::forget_leavers() {
    for (auto each = hosted.begin(); each != hosted.end();) {
        if (core.knows(each->first)) {
            ++each;
            continue;
        }
        leavers.emplace_back(*each);
        each = hosted.erase(each);
    }
    std::erase_if(leavers, [this](const auto& one) { return core.queue().leases(one.first) == 0; });
}

std::size_t scheduler::impl::held_of(ticket_id who, instance_id where) const {
    const auto found = waiters.find(who);
    const auto at = hosted.find(where);
    return found == waiters.end() || at == hosted.end() ? 0 : found->second->held(*at->second);
}

bool scheduler::impl::leased(const engine::backend* which) const {
    const auto has = [&](const auto& one) {
        return one.second == which && core.queue().leases(one.first) > 0;
    };
    return readers.contains(which) || std::any_of(hosted.begin(), hosted.end(), has) ||
           std::any_of(leavers.begin(), leavers.end(), has);
}

}  // namespace corral::scheduler
