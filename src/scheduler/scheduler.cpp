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
    waiting_place(std::shared_ptr<Impl> of, ticket_id id, std::string model)
        : of_(std::move(of)), id_(id), model_(std::move(model)), self_(of_->on) {
        self_.at = of_->find(model_);
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
            of_->release(id_, model_, *self_.at);
            return;
        }
        if (!self_.told) {
            of_->policy.cancel(id_);
        }
        if (self_.admitted) {
            self_.at->residency->released();
        }
    }
    [[nodiscard]] typename Impl::waiter& self() noexcept { return self_; }
    [[nodiscard]] bool granted() const noexcept { return self_.told && self_.told->what == verdict::granted; }
    void hand_on() noexcept { handed_on_ = true; }

private:
    std::shared_ptr<Impl> of_;
    ticket_id id_;
    std::string model_;
    typename Impl::waiter self_;
    bool handed_on_ = false;
};

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
    : impl_(std::make_shared<impl>(std::move(on), clock, options)) {}

scheduler::~scheduler() {
    impl_->apply(impl_->policy.refuse_new());
    impl_->over = true;
    for (auto& [model, watched] : impl_->runtimes) {
        watched->residency->close();
        watched->backend->availability_changed().ring();
    }
    impl_->given_back.ring();
}

void scheduler::add(engine::backend& runtime) {
    const std::string& model = runtime.model().name;
    impl_->policy.add_lane(model);
    host(runtime);
}

void scheduler::host(engine::backend& runtime) {
    const std::string& model = runtime.model().name;
    auto added = std::make_shared<impl::hosted>();
    added->backend = &runtime;
    // Called only while impl is there: the runner is closed before it goes.
    auto changed = [of = impl_.get(), model] { of->refresh(model); };
    added->residency = std::make_shared<residency_runner>(
        impl_->on, impl_->clock, runtime,
        residency_options{impl_->options.keep_alive, impl_->options.stop_limit}, std::move(changed));
    added->residency->open();
    if (impl_->policy.closed()) {
        added->residency->refuse_new();
    }
    impl_->runtimes[model] = added;
    // Ends by ~scheduler or give_back(), which ring, or with the loop. Not by a cancellation signal: emitted
    // off the loop it would be carried out later, when the coroutine may have ended by itself (Boost 1.81).
    asio::co_spawn(impl_->on, watch(impl_, std::move(added), model),
                   [owner = impl_](std::exception_ptr thrown) {
                       if (thrown) {
                           std::rethrow_exception(thrown);
                       }
                   });
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
        of->note_arrival(id, who, !place.self().told);
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
    at->residency->granted(who.keep_alive);
    ++of->granted;
    of->due.emplace(id, who.until);
    auto give_back = [of, id, model = who.model, at] {
        of->due.erase(id);
        if (!of->over) {
            of->release(id, model, *at);
        }
    };
    lease given(std::make_shared<lease::ticket>(at->backend, id.value, std::move(give_back)));
    place.hand_on();
    co_return std::move(given);
}

void scheduler::refuse_new() {
    impl_->apply(impl_->policy.refuse_new());
    for (auto& [model, known] : impl_->runtimes) {
        known->residency->refuse_new();
        known->backend->availability_changed().ring();
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
    for (const auto& [model, runtime] : impl_->runtimes) {
        const bool leaves = runtime->suspended || !runtime->admitted ||
                            runtime->residency->policy().stage() == residence_stage::unloading;
        if (!leaves && runtime->backend->available().state == engine::availability_state::ready) {
            out.neglected += policy.waiting_for_free(model);
        }
    }
    for (const auto& [ticket, due] : impl_->due) {
        if (due.passed(now)) {
            out.overdue = std::max<core::nanoseconds>(out.overdue, now - due.at());
        }
    }
    return out;
}

void scheduler::load(std::string_view model, std::optional<core::nanoseconds> keep_alive) {
    if (residency_runner* of = impl_->residency_of(model)) {
        impl_->refresh(std::string(model));
        of->load(keep_alive);
    }
}

void scheduler::unload(std::string_view model) {
    if (residency_runner* of = impl_->residency_of(model)) {
        impl_->refresh(std::string(model));
        of->unload();
    }
}

model_hold scheduler::hold(std::string_view model) {
    residency_runner* of = impl_->residency_of(model);
    if (of == nullptr) {
        return nullptr;
    }
    impl_->refresh(std::string(model));
    of->requested();
    // The runner may outlive the scheduler with those who hold.
    return model_hold(of, [held = of->shared_from_this()](residency_runner*) { held->released(); });
}

residence scheduler::residence_of(std::string_view model) const {
    residence out;
    if (const residency_runner* of = impl_->residency_of(model)) {
        const residency_policy& now = of->policy();
        out.loaded =
            now.stage() != residence_stage::unloaded && now.seen() != engine::availability_state::broken;
        out.expires = now.leaves_at();
        out.stay = now.stay();
    }
    return out;
}

}  // namespace corral::scheduler
