#include "corral/generation/generation_service.hpp"

#include <chrono>
#include <utility>

#include "corral/core/say.hpp"
#include "corral/generation/failure_words.hpp"
#include "corral/generation/readiness.hpp"
#include "generation/context_fit.hpp"
#include "generation/generation_run.hpp"
#include "generation/generation_state.hpp"

namespace corral::generation {

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
    : impl_(std::make_shared<impl>(impl{
          &tasks, run_context{&clock, &random, &admission, &models, options,
                              std::make_shared<ignored_options>(), std::make_shared<shortened_requests>(),
                              std::make_shared<prompt_quarantine>(core::keyed_hash::random_key()),
                              std::make_shared<count_desk>(tasks.get_executor(), clock)}})) {}

generation_service::~generation_service() = default;

void generation_service::forget_deadly_prompts() {
    impl_->with.quarantine->forget();
}

void generation_service::adjust(const generation_options& with) {
    telemetry::run_journal* const journal = impl_->with.options.journal;
    telemetry::metrics* const metrics = impl_->with.options.metrics;
    core::worker* const rendering = impl_->with.options.rendering;
    impl_->with.options = with;
    impl_->with.options.journal = journal;
    impl_->with.options.metrics = metrics;
    impl_->with.options.rendering = rendering;
}

core::milliseconds generation_service::request_deadline() const noexcept {
    return impl_->with.options.request_deadline;
}

std::vector<std::string> generation_service::warnings() const {
    return impl_->with.shortened->warnings(impl_->with.clock->now());
}

core::awaitable<generation_service::count_result> generation_service::count(chat::generation_request what,
                                                                            served model) {
    const run_context& with = impl_->with;
    const served whole = co_await with.models->whole(model);
    if (whole == nullptr) {
        co_return chat::failure{chat::failure_kind::model_not_found, "model-not-found",
                                core::say("request.not-served")};
    }
    if (auto why = surely_too_long(what, context_length_of(*whole))) {
        co_return *std::move(why);
    }
    preparation prepared =
        co_await prepare_beside(with.options.rendering, what, *whole, std::chrono::system_clock::now());
    if (!prepared) {
        co_return prepared.error();
    }
    prepared->prompt.count_exactly = true;
    scheduler::admission_request who;
    who.id = what.id;
    who.client = what.client;
    who.model = whole->deployment;
    who.until = core::deadline::after(with.options.request_deadline, what.arrived);
    const core::deadline until = who.until;
    constexpr core::seconds most_beside{8};
    const core::deadline soon = core::deadline::after(most_beside, with.clock->now()).sooner(until);
    auto entering = with.counts->enter(*with.admission, who.model, who.client, soon);
    auto beside = co_await std::move(entering);
    if (beside != nullptr) {
        const core::result<engine::prompt_measure> counted = co_await beside->count(prepared->prompt);
        if (counted && counted->exact) {
            co_return counted->system_tokens + counted->turn_tokens;
        }
        beside.reset();  // others count, and a reload goes on, while this one waits for its turn
    }
    const auto told = [&with, name = who.model](chat::failure why) {
        return for_client(std::move(why),
                          engine::until_ready(with.admission->runtimes_of(name), with.clock->now()));
    };
    auto granted = co_await with.admission->acquire(std::move(who));
    if (!granted) {
        co_return told(granted.error());
    }
    const core::result<engine::prompt_measure> measured =
        co_await (*granted)->measure(prepared->prompt, until);
    if (!measured) {
        co_return told({chat::failure_kind::runtime_failed, "measure-failed", measured.error().message});
    }
    co_return measured->system_tokens + measured->turn_tokens;
}

generation_handle generation_service::start(chat::generation_request what, served model) {
    auto state = std::make_shared<generation_state>(impl_->tasks->get_executor(), *impl_->with.clock);
    std::string name = "request " + what.id;
    auto run = std::make_unique<generation_run>(impl_->with, std::move(what), std::move(model), state);
    impl_->tasks->spawn(std::move(name), perform(std::move(run)));
    answer_reader* const reader = state.get();
    return {reader, leave_answer{std::move(state)}};
}

}  // namespace corral::generation
