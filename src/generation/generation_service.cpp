#include "corral/generation/generation_service.hpp"

#include <chrono>
#include <utility>

#include "corral/core/say.hpp"
#include "corral/core/wake_signal.hpp"
#include "corral/generation/failure_words.hpp"
#include "corral/generation/readiness.hpp"
#include "corral/generation/summary_request.hpp"
#include "generation/context_fit.hpp"
#include "generation/generation_run.hpp"
#include "generation/generation_state.hpp"
#include "generation/request_preparation.hpp"

namespace corral::generation {

struct generation_service::impl {
    core::task_group* tasks;
    run_context with;
    std::size_t running = 0;       // requests
    core::steady_time last_end{};  // of one
    bool sums_up = false;          // a task does so
    bool gives_way = false;        // no summary is wanted any more

    // The box has nothing to do, nor had it a moment ago: agents ask again at once.
    [[nodiscard]] bool is_idle() const {
        constexpr core::milliseconds moment{1000};
        const scheduler::queue_snapshot now = with.admission->snapshot();
        return running == 0 && now.waiting == 0 && now.running == 0 && with.clock->now() - last_end >= moment;
    }
    static generation_handle launch(const std::shared_ptr<impl>& self, chat::generation_request request,
                                    served model);
    static core::awaitable<void> perform(std::shared_ptr<impl> self, std::unique_ptr<generation_run> run);
    static core::awaitable<void> sum_up(std::shared_ptr<impl> self);
    struct summary_answer {
        std::optional<std::string> text;
        bool gave_way = false;  // to somebody who wants the box
    };
    static core::awaitable<summary_answer> ask(std::shared_ptr<impl> self, chat::generation_request request,
                                               served model);
};

// A task that was cancelled before it began must still give the request its end.
core::awaitable<void> generation_service::impl::perform(std::shared_ptr<impl> self,
                                                        std::unique_ptr<generation_run> run) {
    co_await core::asio::this_coro::throw_if_cancelled(false);
    ++self->running;
    co_await run->perform();
    --self->running;
    self->last_end = self->with.clock->now();
    if (std::optional<summary_wish> wish = run->take_wish()) {
        self->with.summaries->want(std::move(*wish));
    }
    if (!self->gives_way && self->with.summaries->wanted() && !std::exchange(self->sums_up, true)) {
        self->tasks->spawn("summaries", sum_up(self));
    }
}

// One at a time, while no request wants the box.
core::awaitable<void> generation_service::impl::sum_up(std::shared_ptr<impl> self) {
    constexpr core::milliseconds pause{250};
    co_await core::asio::this_coro::throw_if_cancelled(false);
    turn_summaries& summaries = *self->with.summaries;
    while (!self->gives_way && summaries.wanted()) {
        const bool slept = co_await core::sleep_for(pause);
        if (!slept) {
            break;
        }
        if (!self->is_idle()) {
            continue;
        }
        summary_wish wish = summaries.take();
        served named = self->with.models->find(wish.asking.model);
        const served model = co_await self->with.models->whole(std::move(named));
        if (model == nullptr || !self->with.admission->residence_of(model->deployment).loaded) {
            continue;  // nothing is unloaded for it
        }
        chat::generation_request asking = wish.asking;
        asking.arrived = self->with.clock->now();
        ask_for_summary(asking, summaries.transcript_of(wish), context_length_of(*model));
        auto answering = ask(self, std::move(asking), model);
        const summary_answer answer = co_await std::move(answering);
        if (answer.gave_way) {
            summaries.put_back(std::move(wish));
        } else {
            summaries.answer(std::move(wish), answer.text);
        }
    }
    self->sums_up = false;
}

core::awaitable<generation_service::impl::summary_answer> generation_service::impl::ask(
    std::shared_ptr<impl> self, chat::generation_request request, served model) {
    constexpr core::milliseconds look_again{20};
    const generation_handle answer = launch(self, std::move(request), std::move(model));
    std::string text;
    for (;;) {
        const core::deadline soon = core::deadline::after(look_again, self->with.clock->now());
        const std::optional<chat::generation_event> event = co_await answer->next_before(soon);
        const scheduler::queue_snapshot now = self->with.admission->snapshot();
        // One of those that wait and run is this.
        if (!event && (self->gives_way || self->running > 1 || now.waiting + now.running > 1)) {
            co_return summary_answer{std::nullopt, true};  // the handle takes the request back
        }
        if (!event) {
            continue;
        }
        if (const auto* piece = std::get_if<chat::text_event>(&*event)) {
            text += piece->text;
        } else if (std::holds_alternative<chat::finished_event>(*event)) {
            co_return summary_answer{std::move(text)};
        } else if (std::holds_alternative<chat::failed_event>(*event)) {
            co_return summary_answer{};
        }
    }
}

generation_handle generation_service::impl::launch(const std::shared_ptr<impl>& self,
                                                   chat::generation_request request, served model) {
    auto state = std::make_shared<generation_state>(self->tasks->get_executor(), *self->with.clock);
    std::string name = "request " + request.id;
    auto run = std::make_unique<generation_run>(self->with, std::move(request), std::move(model), state);
    self->tasks->spawn(std::move(name), perform(self, std::move(run)));
    answer_reader* const reader = state.get();
    return {reader, leave_answer{std::move(state)}};
}

generation_service::generation_service(core::task_group& tasks, const core::clock_source& clock,
                                       core::random_source& random, scheduler::scheduler& admission,
                                       const model_directory& models, generation_options options)
    : impl_(std::make_shared<impl>(impl{
          &tasks, run_context{&clock, &random, &admission, &models, options,
                              std::make_shared<ignored_options>(), std::make_shared<shortened_requests>(),
                              std::make_shared<prompt_quarantine>(
                                  core::keyed_hash::random_key(),
                                  quarantine_rule{.deadly_after = options.poisonous_after}),
                              std::make_shared<count_desk>(tasks.get_executor(), clock),
                              std::make_shared<turn_summaries>(core::keyed_hash::random_key())}})) {}

generation_service::~generation_service() = default;

void generation_service::give_way() {
    impl_->gives_way = true;
}

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

core::awaitable<generation_service::count_result> generation_service::count(chat::generation_request request,
                                                                            served model) {
    const run_context& with = impl_->with;
    const served whole = co_await with.models->whole(model);
    if (whole == nullptr) {
        co_return chat::failure{chat::failure_kind::model_not_found, core::say("request.not-served")};
    }
    if (auto why = surely_too_long(request, context_length_of(*whole))) {
        co_return *std::move(why);
    }
    preparation prepared =
        co_await prepare_beside(with.options.rendering, request, *whole, std::chrono::system_clock::now());
    if (!prepared) {
        co_return prepared.error();
    }
    if (const auto sure = surely_too_long(prepared->prompt, context_length_of(*whole))) {
        co_return sure->system_tokens + sure->turn_tokens;
    }
    prepared->prompt.count_exactly = true;
    scheduler::admission_request who;
    who.id = request.id;
    who.client = request.client;
    who.model = whole->deployment;
    who.until = request.until.sooner(core::deadline::after(with.options.request_deadline, request.arrived));
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
    const auto worded = [&with, name = who.model](chat::failure why) {
        return for_client(std::move(why),
                          engine::until_ready(with.admission->runtimes_of(name), with.clock->now()));
    };
    auto granted = co_await with.admission->acquire(std::move(who));
    if (!granted) {
        co_return worded(granted.error());
    }
    const core::result<engine::prompt_measure> measured =
        co_await (*granted)->measure(prepared->prompt, until);
    if (until.passed(with.clock->now()) && !(measured && measured->exact)) {
        co_return chat::failure{chat::failure_kind::timed_out, core::say("request.deadline/turn")};
    }
    if (!measured) {
        co_return worded({chat::failure_kind::runtime_failed,
                          core::say("request.no-tokens/measure", measured.error().message)});
    }
    co_return measured->system_tokens + measured->turn_tokens;
}

generation_handle generation_service::start(chat::generation_request request, served model) {
    return impl::launch(impl_, std::move(request), std::move(model));
}

}  // namespace corral::generation
