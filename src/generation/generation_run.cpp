#include "generation/generation_run.hpp"

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include "corral/catalog/placement.hpp"
#include "corral/chat/failure.hpp"
#include "corral/core/say.hpp"
#include "corral/core/worker.hpp"
#include "corral/generation/readiness.hpp"
#include "corral/telemetry/log.hpp"
#include "generation/expected_turn.hpp"
#include "generation/request_preparation.hpp"

namespace corral::generation {

namespace asio = core::asio;

namespace {

// Of all tiers that may serve it; 0 where one's is unknown.
std::uint32_t widest_context(const served_model& model) {
    std::uint32_t widest = context_length_of(model);
    for (const served_model& tier : model.tiers) {
        const std::uint32_t other = context_length_of(tier);
        widest = widest == 0 || other == 0 ? 0 : std::max(widest, other);
    }
    return widest;
}

chat::generation_request with_arrival(chat::generation_request request, const core::clock_source& clock) {
    if (request.arrived == core::steady_time{}) {
        request.arrived = clock.now();
    }
    return request;
}

// Turns the cancellation of a task into the one way in which a request is given up, so that no await inside
// is cut short.
struct abandon_instead {
    std::shared_ptr<generation_state> state;
    asio::cancellation_type operator()(asio::cancellation_type) const {
        state->abandon();
        return asio::cancellation_type::none;
    }
};

}  // namespace

generation_run::generation_run(const run_context& context, chat::generation_request request, served model,
                               std::shared_ptr<generation_state> state)
    : context_(context),
      request_(with_arrival(std::move(request), *context.clock)),
      state_(std::move(state)),
      model_(std::move(model)),
      output_(*context.random),
      blame_(context.quarantine, *context.admission, *context.clock),
      report_(context.options.journal, context.options.metrics, context.options.log_content) {
    figures_.arrive(request_->arrived);
}

core::deadline generation_run::deadline() const {
    return request_->until.sooner(
        core::deadline::after(context_.options.request_deadline, request_->arrived));
}

core::awaitable<void> generation_run::perform() {
    const asio::cancellation_state before = co_await asio::this_coro::cancellation_state;
    if (before.cancelled() != asio::cancellation_type::none) {
        state_->abandon();
    }
    abandon_instead filter{state_};
    co_await asio::this_coro::reset_cancellation_state(filter);
    std::string thrown;
    try {
        co_await steps();
    } catch (const std::exception& error) {
        thrown = error.what();
    }
    state_->attach(nullptr);
    lease_.reset();
    stays_.reset();
    if (!state_->ended() && !thrown.empty()) {
        telemetry::error(core::say("daemon.fault/request", request_->id, telemetry::printable(thrown)));
    }
    if (!state_->ended()) {
        fail({chat::failure_kind::internal, core::say("request.no-result")});
    }
    note_timings();
    report_.close(summary());
}

core::awaitable<void> generation_run::steps() {
    const served whole = co_await context_.models->whole(model_);
    model_ = whole;
    co_await prepare();
    if (state_->ended()) {
        co_return;
    }
    const auto tiers = context_.admission->tiers_of(model_->deployment);
    judge_harm(tiers ? tiers->serving : 0);
    if (state_->ended()) {
        co_return;
    }
    co_await judge_early();
    while (!state_->ended()) {
        co_await take_turn();
        if (state_->ended()) {
            co_return;
        }
        co_await follow_model();
        if (state_->ended()) {
            co_return;
        }
        judge_harm((*lease_)->model().tier);
        if (state_->ended()) {
            co_return;
        }
        co_await attempt();
        if (expects_next()) {
            co_await expect_next();
        }
        lease_.reset();
    }
}

core::awaitable<void> generation_run::prepare() {
    if (model_ == nullptr) {
        fail({chat::failure_kind::model_not_found, core::say("request.not-served")});
        co_return;
    }
    if (has_images(*request_) && !catalog::can(*model_->entry, "vision")) {
        fail({chat::failure_kind::unavailable, core::say("request.fallback-blind")});
        co_return;
    }
    chat::generation_request& request = request_.open(*model_);
    if (const std::size_t moved = request_.move_lines(*context_.lines, *model_); moved > 0) {
        state_->notes().moved_lines = moved;
        if (!request.idle_work) {
            context_.shortened->add_moved(request.client, model_->name, moved, context_.clock->now());
        }
    }
    std::vector<std::string> ignored =
        ignored_by(request, model_->runtime->facts().honoured_sampling, context_length_of(*model_));
    if (auto why = surely_too_long(request, widest_context(*model_))) {
        fail(*std::move(why));
        co_return;
    }
    preparation prepared = co_await prepare_beside(context_.options.rendering, request, *model_,
                                                   std::chrono::system_clock::now());
    if (!prepared) {
        fail(prepared.error());
        co_return;
    }
    if (!prepared->call && !request.must_call.empty()) {
        ignored.emplace_back("tool_choice");
    }
    context_.ignored->report(model_->name, ignored);
    state_->notes().ignored = std::move(ignored);
    request_.accept(std::move(prepared->how), std::move(prepared->prompt), std::move(prepared->call));
    std::function<void()> marking = [this] { blame_.read(*request_); };
    auto hashing = core::run_on(is_long(request) ? context_.options.rendering : nullptr, std::move(marking),
                                request.client);
    co_await std::move(hashing);
    if (prepared->format) {
        context_.ignored->report_unchecked(model_->name, prepared->format->unchecked());
        output_.expect_format(std::move(*prepared->format), begun_answer(request));
    }
    if (!tool_names(request).empty()) {
        output_.expect_calls(request.tools);
    }
}

core::awaitable<void> generation_run::judge_early() {
    early_question about;
    about.admission = context_.admission;
    about.model = model_.get();
    about.request = &*request_;
    about.how = &request_.how();
    about.prompt = &*request_.prompt();
    about.may_shorten = request_.may_shorten(*model_);
    about.until = deadline();
    about.elsewhere = context_.options.rendering;
    auto judging = refuse_early(*context_.counts, about);
    std::optional<chat::failure> why = co_await std::move(judging);
    if (why) {
        fail(*std::move(why));
    }
}

void generation_run::judge_harm(unsigned tier) {
    blame_.look_at(*model_, tier);
    if (const auto refused = before_run(blame_.harm(), limits(), context_.clock->now())) {
        carry_out(*refused);
    }
}

core::awaitable<void> generation_run::take_turn() {
    const bool is_first = course_.runs() == 0;
    const bool is_job = is_batch(*request_);
    if (is_job && is_background(*request_) && is_first && !state_->abandoned()) {
        // A client sends its first one together with the question that somebody waits for.
        constexpr core::milliseconds after_you{200};
        const core::deadline until = core::deadline::after(after_you, context_.clock->now());
        [[maybe_unused]] const core::wake_reason woken = co_await state_->abandoned_bell().wait(until);
    }
    if (state_->abandoned()) {
        carry_out(after_abandonment(standing()));
        co_return;
    }
    scheduler::admission_request who;
    who.id = request_->id;
    who.client = request_->client;
    who.model = model_->deployment;
    who.until = deadline();
    who.readmission = !is_first;
    who.behind = blame_.hung();
    who.batch = is_job;
    who.yields = is_job && yields();
    who.keep_alive = request_->keep_alive;
    who.held = [this](const engine::backend& at) { return request_.held_at(at); };
    if (is_first) {
        who.on_queued = [this](const scheduler::queue_place& place) {
            state_->notes().place = place;
            if (request_.put_long_prompt_aside(context_.admission->runtimes_of(model_->deployment))) {
                output_.forget_format();
            }
        };
    }
    using namespace asio::experimental::awaitable_operators;
    // The reader's going ends the wait. The bell's own limit only guards against an admission that never
    // answers.
    const core::deadline guard = core::deadline::after(core::seconds{5}, who.until.at());
    auto first =
        co_await (context_.admission->acquire(std::move(who)) || state_->abandoned_bell().wait(guard));
    if (first.index() == 1) {
        carry_out(after_abandonment(standing()));
        co_return;
    }
    auto& answer = std::get<0>(first);
    if (!answer) {
        chat::failure no = answer.error();
        no.retryable = no.kind != chat::failure_kind::model_not_found;
        end_with(no);
        co_return;
    }
    lease_.emplace(std::move(*answer));
    // Between two runs of one request its model is not unloaded, whatever its keep_alive.
    stays_ = context_.admission->hold(model_->deployment);
    figures_.begin_run(context_.clock->now());
    note_who_serves();
    state_->note_timings(figures_.stages_so_far(context_.clock->now()));
}

// While it waited, or between two of its runs, the configuration changed the model, or another tier serves.
core::awaitable<void> generation_run::follow_model() {
    const engine::backend* const granted = &**lease_;
    if (model_->runs_on(granted)) {
        if (!request_.prepared()) {
            co_await prepare();
        }
        co_return;
    }
    const bool begun = course_.in_parts() && state_->gone_out();
    if (begun && course_.gave_way()) {
        fail({chat::failure_kind::unavailable, core::say("request.changed/begun")});
        co_return;
    }
    if (request_.prepared()) {
        if (!begun) {
            forget_parts();
            figures_.begin_run(context_.clock->now());
        }
        course_.start_over();
        output_.forget_format();
        request_.take_back();
    }
    if (begun) {
        request_.think_no_more();  // its thoughts are there
    }
    generation::served named = context_.models->find(request_->model);
    const generation::served found = co_await context_.models->whole(std::move(named));
    model_ = found == nullptr ? nullptr : tier_of(found, *granted);
    co_await prepare();
    if (!state_->ended() && !model_->runs_on(granted)) {
        fail({chat::failure_kind::unavailable, core::say("request.changed")});
    }
}

core::awaitable<void> generation_run::attempt() {
    course_.begin_run();
    blame_.begin_run();
    fit_result fitted = co_await fit();
    if (state_->abandoned()) {
        carry_out(after_abandonment(standing()));
        co_return;
    }
    if (!fitted) {
        settle_failure(fitted.error());
        co_return;
    }
    note_cuts(fitted->cuts);
    unsummarised_ = std::move(fitted->unsummarised);
    const held_part held = held_to_format(*request_, *model_, fitted->prompt, course_.in_parts());
    answer_output::run_plan plan = request_.plan(fitted->prompt, *model_, course_.gave_way());
    plan.ends_behind_thoughts = held == held_part::behind_thoughts;
    plan.goes_on = course_.take_next();
    const std::uint32_t written = plan.goes_on ? figures_.usage().generated_tokens : 0;
    output_.begin_run(std::move(plan));
    engine::run_spec spec = request_.spec(std::move(fitted->prompt), *model_, held, **lease_, written);
    spec.until = deadline();
    report_.note_run(summary(), spec.prompt, spec.max_tokens);

    const core::executor on = co_await asio::this_coro::executor;
    engine::run_control control(on);
    state_->attach(&control);
    // By the run's end and again by its return; the first one counts.
    bool settled = false;
    const auto settle_once = [this, &settled](const engine::run_outcome& outcome) {
        if (!std::exchange(settled, true)) {
            settle(outcome);
        }
    };
    std::function<void(const engine::run_outcome&)> on_end = settle_once;
    const engine::run_outcome outcome =
        co_await (*lease_)->run(std::move(spec), *this, control, std::move(on_end));
    state_->attach(nullptr);
    settle_once(outcome);
    blame_.note(outcome.loss);
    if (const auto& given_up = state_->abandoned_at()) {
        report_.note_idle_after(context_.clock->now() - *given_up);
    }
    if (const auto& next = course_.next()) {
        figures_.keep_run(context_.clock->now(), next->to_last == run_course::relation::goes_on);
    }
}

// With what the next run is to read, if there is room for it; else the conversation alone, which the model may answer
// better this time.
core::awaitable<fit_result> generation_run::fit() {
    const core::deadline until = deadline();
    if (const auto& next = course_.next()) {
        std::optional<chat::rendered_prompt> unrendered;
        fit_result fitted =
            co_await fit_prompt(**lease_, request_.how(), *request_, next->conversation,
                                std::move(unrendered), false, until, context_.options.rendering);
        if (fitted || course_.gave_way() || fitted.error().kind != chat::failure_kind::context_too_long) {
            co_return fitted;
        }
        course_.start_over();
    }
    auto fitting = fit_whole(request_.how(), *request_, request_.take_prompt(), until);
    fit_result fitted = co_await std::move(fitting);
    if (!fitted && fitted.error().kind == chat::failure_kind::timed_out &&
        until.passed(context_.clock->now())) {
        // No fault of the tokenizer, which was not given longer.
        co_return chat::failure{chat::failure_kind::timed_out, core::say("request.took-too-long")};
    }
    co_return fitted;
}

core::awaitable<fit_result> generation_run::fit_whole(const chat::render_options& how,
                                                      const chat::generation_request& request,
                                                      std::optional<chat::rendered_prompt> first,
                                                      core::deadline until) {
    const bool sums_up = model_->entry->oversize == catalog::oversize_policy::summarise && !request.idle_work;
    return fit_prompt(**lease_, how, request, request.messages, std::move(first),
                      request_.may_shorten(*model_), until, context_.options.rendering, nullptr,
                      sums_up ? context_.summaries.get() : nullptr, context_.kept.get());
}

void generation_run::note_cuts(const prompt_cuts& cuts) {
    state_->notes().cuts = cuts;
    state_->notes().cuts_note =
        is_background(*request_) ? std::string() : note_for_people(cuts, !tool_names(*request_).empty());
    if (!cuts.any() || request_->idle_work) {
        return;
    }
    const core::reason said = core::say("run.shortened", to_text(cuts));
    telemetry::warn(said, "request id={} model={} client={}: {} event=request.shortened", request_->id,
                    model_->name, telemetry::printable(request_->client), said);
    context_.shortened->add(request_->client, model_->name, cuts, context_.clock->now());
}

bool generation_run::expects_next() const {
    return state_->ended() && !state_->abandoned_at() && (*lease_)->facts().computes_ahead &&
           !request_.forced() && may_have_next(*request_) &&
           context_.admission->queue_of(model_->deployment).waiting == 0 &&
           knows_next(*request_, output_.turn());
}

// Rendered and cut as that request would be. Only near the limit is it counted, which costs whoever comes meanwhile a
// few calls of the tokenizer at most.
core::awaitable<void> generation_run::expect_next() {
    constexpr core::seconds patience{2};
    chat::generation_request next =
        with_next(request_.beginning_of_next(), output_.turn(), sends_thoughts(*request_).value_or(false));
    auto preparing =
        prepare_beside(context_.options.rendering, next, *model_, std::chrono::system_clock::now());
    preparation prepared = co_await std::move(preparing);
    if (!prepared) {
        co_return;
    }
    std::optional<chat::rendered_prompt> whole = std::move(prepared->prompt);
    const bool readable = !whole->verbatim || (*lease_)->facts().takes_verbatim;
    if (readable && figures_.leaves_room((*lease_)->learned().prompt_limit) && !state_->notes().cuts.any()) {
        (*lease_)->expect(*std::move(whole), std::string(expected_words), request_->owner);
        co_return;
    }
    const core::deadline until = core::deadline::after(patience, context_.clock->now()).sooner(deadline());
    auto fitting = fit_whole(prepared->how, next, std::move(whole), until);
    fit_result fitted = co_await std::move(fitting);
    if (fitted) {
        (*lease_)->expect(std::move(fitted->prompt), std::string(expected_words), request_->owner);
    }
}

std::optional<summary_wish> generation_run::take_wish() {
    if (unsummarised_.marks.empty()) {
        return std::nullopt;
    }
    return wish_of(*request_, std::move(unsummarised_));
}

}  // namespace corral::generation
