#include "corral/scheduler/scheduler.hpp"

#include <algorithm>
#include <exception>
#include <functional>
#include <memory>
#include <utility>

#include <boost/asio/co_spawn.hpp>

#include "scheduler/scheduler_impl.hpp"

namespace corral::scheduler {

namespace asio = core::asio;

namespace {

refusal make_refusal(const decision& why) {
    using chat::failure_kind;
    switch (why.what) {
        case verdict::queue_full:
            return {failure_kind::queue_full, "queue-full", "too many requests are waiting", why.retry_after};
        case verdict::unknown_model:
            return {failure_kind::model_not_found, "model-not-found", "this model is not served here", {}};
        case verdict::broken:
            return {failure_kind::unavailable, "backend-broken",
                    why.reason.empty() ? "the model's runtime does not start" : why.reason, why.retry_after};
        case verdict::barred:
            return {failure_kind::unavailable, "model-stopped", why.reason, {}};
        case verdict::no_room:
            return {failure_kind::unavailable, "no-room", why.reason, {}};
        case verdict::removed:
            return {failure_kind::unavailable,
                    "model-removed",
                    "the model was taken out of this server's configuration while the request waited",
                    {}};
        case verdict::shutting_down:
            return {failure_kind::shutting_down, "shutting-down", "the server is shutting down", {}};
        case verdict::granted:
            break;
    }
    return {failure_kind::internal, "no-refusal", "a grant was taken for a refusal", {}};
}

}  // namespace

namespace {

// A place in the queue: however acquire() ends, it is left or its grant is handed on.
template <typename Impl>
class waiting_place {
public:
    waiting_place(std::shared_ptr<Impl> of, ticket_id id, const std::string& model)
        : of_(std::move(of)), id_(id), self_(of_->on) {
        self_.of = of_->find(model);
        self_.age = self_.of ? self_.of->age : 0;
        of_->waiters.emplace(id_, &self_);
    }
    waiting_place(const waiting_place&) = delete;
    waiting_place& operator=(const waiting_place&) = delete;
    ~waiting_place() {
        of_->waiters.erase(id_);
        if (handed_on_) {
            return;
        }
        if (granted()) {
            of_->release(id_, *self_.of, self_.age, *self_.at);
            return;
        }
        if (!self_.told) {
            of_->policy.cancel(id_);
        }
        if (self_.admitted) {
            self_.of->released(self_.age);
            of_->arrange();
        }
    }
    [[nodiscard]] typename Impl::waiter& self() noexcept { return self_; }
    [[nodiscard]] bool granted() const noexcept { return self_.told && self_.told->what == verdict::granted; }
    void hand_on() noexcept { handed_on_ = true; }

private:
    std::shared_ptr<Impl> of_;
    ticket_id id_;
    typename Impl::waiter self_;
    bool handed_on_ = false;
};

}  // namespace

struct lease::ticket {
    ticket(engine::backend* runtime, std::uint64_t epoch, std::function<void()> give_back)
        : runtime_(runtime), epoch_(epoch), give_back_(std::move(give_back)) {}
    ticket(const ticket&) = delete;
    ticket& operator=(const ticket&) = delete;
    ~ticket() { give_back_(); }

    engine::backend* runtime_;
    std::uint64_t epoch_;
    std::function<void()> give_back_;
};

lease::lease(std::shared_ptr<ticket> held) : held_(std::move(held)) {}
lease::lease(lease&&) noexcept = default;
lease& lease::operator=(lease&&) noexcept = default;
lease::~lease() = default;
engine::backend& lease::operator*() const noexcept {
    return *held_->runtime_;
}
engine::backend* lease::operator->() const noexcept {
    return held_->runtime_;
}
std::uint64_t lease::epoch() const noexcept {
    return held_->epoch_;
}

scheduler::scheduler(core::executor on, const core::clock_source& clock, scheduler_options options)
    : impl_(std::make_shared<impl>(std::move(on), clock, std::move(options))) {
    asio::co_spawn(impl_->on, impl::keep_looking(impl_), [](std::exception_ptr thrown) {
        if (thrown) {
            std::rethrow_exception(thrown);
        }
    });
}

scheduler::~scheduler() {
    impl_->apply(impl_->policy.refuse_new());
    impl_->over = true;
    for (const auto& each : impl_->lanes) {
        for (const auto& one : each->instances) {
            one->residency->close();
            one->backend->availability_changed().ring();
        }
    }
    impl_->given_back.ring();
    impl_->look_bell.ring();
}

core::awaitable<boost::system::result<lease, refusal>> scheduler::acquire(admission_request who) {
    const std::shared_ptr<impl> of = impl_;
    const ticket_id id{++of->last_ticket};
    waiting_place<impl> place(of, id, who.model);
    of->refresh(who.model);
    const arrival arrived{id, who.client, who.model, who.readmission};
    of->apply(of->policy.arrive(arrived, of->clock.now()));
    if (!place.self().told || place.granted()) {
        place.self().admitted = true;
        place.self().of->requested();
        of->arrange();
    }
    if (!place.self().told && who.on_queued && !who.readmission) {
        if (const auto stands = of->policy.standing_of(id, of->clock.now())) {
            who.on_queued({stands->ahead, stands->estimate});
        }
    }

    core::wake_reason reason = core::wake_reason::rung;
    while (!place.self().told && reason == core::wake_reason::rung) {
        reason = co_await place.self().bell.wait(who.until);
    }
    if (reason == core::wake_reason::cancelled) {
        co_return refusal{chat::failure_kind::cancelled, "cancelled", "the request was withdrawn", {}};
    }
    if (!place.self().told) {
        co_return refusal{chat::failure_kind::timed_out,
                          "queue-deadline",
                          "the request's deadline passed while it waited for its turn",
                          {}};
    }
    if (!place.granted()) {
        co_return make_refusal(*place.self().told);
    }
    const std::shared_ptr<impl::hosted> at = place.self().at;
    const std::shared_ptr<impl::lane> served = place.self().of;
    const std::uint64_t age = place.self().age;
    if (age == served->age) {
        served->granted(who.keep_alive);
    }
    ++of->granted;
    of->due.emplace(id, who.until);
    auto give_back = [of, id, served, age, at] {
        of->due.erase(id);
        if (!of->over) {
            of->release(id, *served, age, *at);
        }
    };
    lease given(std::make_shared<lease::ticket>(at->backend, id.value, std::move(give_back)));
    place.hand_on();
    co_return std::move(given);
}

void scheduler::refuse_new() {
    impl_->apply(impl_->policy.refuse_new());
    for (const auto& each : impl_->lanes) {
        for (const auto& one : each->instances) {
            one->residency->refuse_new();
            one->backend->availability_changed().ring();
        }
    }
}

bool scheduler::refuses_new() const noexcept {
    return impl_->policy.closed();
}

core::awaitable<bool> scheduler::wait_idle(core::deadline until) {
    const std::shared_ptr<impl> of = impl_;
    while (of->policy.running() > 0) {
        const core::wake_reason reason = co_await of->idle.wait(until);
        if (reason != core::wake_reason::rung) {
            co_return of->policy.running() == 0;
        }
    }
    co_return true;
}

queue_snapshot scheduler::snapshot() const noexcept {
    const queue_policy& policy = impl_->policy;
    const core::steady_time now = impl_->clock.now();
    queue_snapshot out;
    out.waiting = policy.waiting();
    out.running = policy.running();
    out.estimate = policy.estimate_now(now);
    out.granted = impl_->granted;
    out.swaps = impl_->swaps;
    out.evictions = impl_->evictions;
    out.overtaken = impl_->overtaken;
    for (const auto& each : impl_->lanes) {
        const auto idles = [&](const std::shared_ptr<impl::hosted>& one) {
            const bool leaves =
                !one->admitted || one->residency->policy().stage() == residence_stage::unloading;
            return !leaves && policy.is_free(one->slot) &&
                   one->backend->available().state == engine::availability_state::ready;
        };
        if (!each->suspended && std::any_of(each->instances.begin(), each->instances.end(), idles)) {
            out.neglected += policy.waiting_for(each->model);
        }
    }
    for (const auto& [ticket, due] : impl_->due) {
        if (due.passed(now)) {
            out.overdue = std::max<core::nanoseconds>(out.overdue, now - due.at());
        }
    }
    return out;
}

}  // namespace corral::scheduler
