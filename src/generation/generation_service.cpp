#include "corral/generation/generation_service.hpp"

#include <utility>

#include "generation/generation_run.hpp"
#include "generation/generation_state.hpp"

namespace corral::generation {

struct generation_handle::shared_state : generation_state {
    using generation_state::generation_state;
};

generation_handle::generation_handle(std::shared_ptr<shared_state> s) : state_(std::move(s)) {}
generation_handle::generation_handle(generation_handle&&) noexcept = default;

generation_handle& generation_handle::operator=(generation_handle&& other) noexcept {
    if (this != &other) {
        if (state_) {
            state_->leave();
        }
        state_ = std::move(other.state_);
    }
    return *this;
}

generation_handle::~generation_handle() {
    if (state_) {
        state_->leave();
    }
}

void generation_handle::hold_until_end() noexcept {
    state_->hold();
}

core::awaitable<chat::generation_event> generation_handle::next() {
    return state_->next();
}

std::optional<chat::generation_event> generation_handle::poll() {
    return state_->poll();
}

core::awaitable<std::optional<chat::generation_event>> generation_handle::next_before(core::deadline until) {
    return state_->next_before(until);
}

const std::optional<scheduler::queue_place>& generation_handle::queue_place() const noexcept {
    return state_->place;
}

std::size_t generation_handle::dropped_messages() const noexcept {
    return state_->dropped_messages;
}

const std::string& generation_handle::served_by() const noexcept {
    return state_->served_by;
}

unsigned generation_handle::tier() const noexcept {
    return state_->tier;
}

chat::generation_timings generation_handle::timings() const {
    return state_->timings();
}

void generation_handle::tell_timings() noexcept {
    state_->tells_timings = true;
}

bool generation_handle::tells_timings() const noexcept {
    return state_->tells_timings;
}

void generation_handle::note_delivery(core::nanoseconds waited) {
    state_->note_delivery(waited);
}

struct generation_service::impl {
    core::task_group* tasks;
    run_context with;
};

namespace {

// A task that was cancelled before it began must still give the request its end.
core::awaitable<void> perform(std::unique_ptr<generation_run> run) {
    co_await core::asio::this_coro::throw_if_cancelled(false);
    co_await run->perform();
}

}  // namespace

generation_service::generation_service(core::task_group& tasks, const core::clock_source& clock,
                                       core::random_source& random, scheduler::scheduler& admission,
                                       const model_directory& models, generation_options options)
    : impl_(std::make_shared<impl>(impl{&tasks, run_context{&clock, &random, &admission, &models, options,
                                                            std::make_shared<ignored_options>()}})) {}

generation_service::~generation_service() = default;

void generation_service::adjust(const generation_options& with) {
    telemetry::run_journal* const journal = impl_->with.options.journal;
    telemetry::metrics* const metrics = impl_->with.options.metrics;
    impl_->with.options = with;
    impl_->with.options.journal = journal;
    impl_->with.options.metrics = metrics;
}

generation_handle generation_service::start(chat::generation_request what) {
    auto state = std::make_shared<generation_handle::shared_state>(impl_->tasks->get_executor());
    std::string name = "request " + what.id;
    auto run = std::make_unique<generation_run>(impl_->with, std::move(what), state);
    impl_->tasks->spawn(std::move(name), perform(std::move(run)));
    return generation_handle(std::move(state));
}

}  // namespace corral::generation
