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
#include "corral/core/stated_number.hpp"
#include "corral/core/worker.hpp"
#include "corral/generation/readiness.hpp"
#include "corral/telemetry/log.hpp"

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
      request_(std::move(request)),
      state_(std::move(state)),
      model_(std::move(model)),
      output_(*context.random),
      blame_(context.quarantine, *context.admission, *context.clock),
      report_(context.options.journal, context.options.metrics, context.options.log_content) {
    if (request_.arrived == core::steady_time{}) {
        request_.arrived = context_.clock->now();
    }
    figures_.arrive(request_.arrived);
}

core::deadline generation_run::deadline() const {
    return request_.until.sooner(core::deadline::after(context_.options.request_deadline, request_.arrived));
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
    control_ = nullptr;
    lease_.reset();
    stays_.reset();
    if (!state_->ended() && !thrown.empty()) {
        telemetry::error(core::say("daemon.fault/request", request_.id, telemetry::printable(thrown)));
    }
    if (!state_->ended()) {
        fail(chat::failure_kind::internal, core::say("request.no-result"));
    }
    note_timings();
    report_.close(summary());
}

core::awaitable<void> generation_run::steps() {
    const served whole = co_await context_.models->whole(model_);
    model_ = whole;
    const bool prepared = co_await prepare();
    if (!prepared) {
        co_return;
    }
    const auto tiers = context_.admission->tiers_of(model_->deployment);
    if (!may_run(tiers ? tiers->serving : 0)) {
        co_return;
    }
    const bool fits = co_await may_fit();
    if (!fits) {
        co_return;
    }
    verdict now = verdict::again;
    while (now == verdict::again) {
        const bool granted = co_await take_turn();
        if (!granted) {
            co_return;
        }
        const bool goes_on = co_await follow_model();
        if (!goes_on || !may_run(tier_)) {
            co_return;
        }
        now = co_await attempt();
        if (now == verdict::over && expects_next()) {
            co_await expect_next();
        }
        lease_.reset();
    }
}

core::awaitable<bool> generation_run::prepare() {
    put_aside_ = false;
    if (model_ == nullptr) {
        fail(chat::failure_kind::model_not_found, core::say("request.not-served"));
        co_return false;
    }
    if (has_images(request_) && !catalog::can(*model_->entry, "vision")) {
        fail(chat::failure_kind::unavailable, core::say("request.fallback-blind"));
        co_return false;
    }
    asked_ = {request_.sampling, request_.limits, request_.thinking, std::nullopt};
    if (model_->variant != nullptr || !request_.format.is_null() || !request_.must_call.empty() ||
        model_->entry->moves_lines) {
        asked_.messages = request_.messages;
    }
    move_lines();
    const engine::backend& runtime = *model_->runtime;
    std::vector<std::string> ignored =
        ignored_by(request_, runtime.facts().honoured_sampling, context_length_of(*model_));
    if (auto why = surely_too_long(request_, widest_context(*model_))) {
        fail(*std::move(why));
        co_return false;
    }
    preparation prepared = co_await prepare_beside(context_.options.rendering, request_, *model_,
                                                   std::chrono::system_clock::now());
    if (!prepared) {
        fail(prepared.error());
        co_return false;
    }
    forced_ = std::move(prepared->call);
    if (!forced_ && !request_.must_call.empty()) {
        ignored.emplace_back("tool_choice");
    }
    context_.ignored->report(model_->name, ignored);
    state_->notes().ignored = std::move(ignored);
    options_ = std::move(prepared->how);
    prompt_ = std::move(prepared->prompt);
    std::function<void()> marking = [this] { blame_.read(request_); };
    auto hashing = core::run_on(is_long(request_) ? context_.options.rendering : nullptr, std::move(marking),
                                request_.client);
    co_await std::move(hashing);
    if (prepared->format) {
        context_.ignored->report_unchecked(model_->name, prepared->format->unchecked());
        output_.expect_format(std::move(*prepared->format), begun_answer(request_));
    }
    if (!tool_names(request_).empty()) {
        output_.expect_calls(request_.tools);
    }
    co_return true;
}

// Found while others run, so that no request waits only to be refused.
core::awaitable<bool> generation_run::may_fit() {
    early_question about;
    about.admission = context_.admission;
    about.model = model_.get();
    about.request = &request_;
    about.how = &options_;
    about.prompt = &*prompt_;
    about.may_shorten = may_shorten();
    about.until = deadline();
    about.elsewhere = context_.options.rendering;
    auto judging = refuse_early(*context_.counts, about);
    std::optional<chat::failure> why = co_await std::move(judging);
    if (why) {
        fail(*std::move(why));
    }
    co_return !state_->ended();
}

bool generation_run::may_shorten() const {
    return request_.limits.truncate && model_->entry->oversize != catalog::oversize_policy::refuse;
}

bool generation_run::sums_up() const {
    return model_->entry->oversize == catalog::oversize_policy::summarise && !request_.idle_work;
}

void generation_run::take_back() {
    request_.sampling = asked_.sampling;
    request_.limits = std::move(asked_.limits);
    request_.thinking = asked_.thinking;
    if (asked_.messages) {
        request_.messages = std::move(*asked_.messages);
    }
    asked_ = {};
    correction_.clear();
    will_go_on_ = false;
    output_.forget_format();
    prompt_.reset();
}

void generation_run::put_long_prompt_aside() {
    constexpr std::size_t most_kept = 16 * 1024;
    put_aside_ = prompt_ && prompt_->system.size() + prompt_->turns.size() > most_kept;
    held_before_.clear();
    if (put_aside_) {
        for (const engine::backend* const each : context_.admission->runtimes_of(model_->deployment)) {
            held_before_.emplace_back(each, each->held_bytes(*prompt_, request_.owner));
        }
        take_back();
    }
}

// While it waited, or between two of its runs, the configuration changed the model, or another tier serves.
core::awaitable<bool> generation_run::follow_model() {
    const engine::backend* const granted = &**lease_;
    if (model_->runs_on(granted)) {
        if (!put_aside_) {
            co_return true;
        }
        const bool prepared_again = co_await prepare();
        co_return prepared_again;
    }
    if (gave_way_ && state_->gone_out()) {
        fail(chat::failure_kind::unavailable, core::say("request.changed/begun"));
        co_return false;
    }
    if (!put_aside_) {
        forget_parts();
        take_back();
    }
    generation::served named = context_.models->find(request_.model);
    const generation::served found = co_await context_.models->whole(std::move(named));
    model_ = found == nullptr ? nullptr : tier_of(found, *granted);
    const bool prepared = co_await prepare();
    if (!prepared) {
        co_return false;
    }
    if (!model_->runs_on(granted)) {
        fail(chat::failure_kind::unavailable, core::say("request.changed"));
        co_return false;
    }
    co_return true;
}

// Of a prompt that was put aside what was known when that happened: it decides no more than an order.
std::size_t generation_run::held_at(const engine::backend& at) const {
    if (prompt_) {
        return at.held_bytes(*prompt_, request_.owner);
    }
    const auto found =
        std::ranges::find(held_before_, &at, &std::pair<const engine::backend*, std::size_t>::first);
    return found == held_before_.end() ? 0 : found->second;
}

core::awaitable<bool> generation_run::take_turn() {
    is_job_ = is_batch(request_);
    if (is_job_ && is_background(request_) && tries_ == 0 && !state_->abandoned()) {
        // A client sends its first one together with the question that somebody waits for.
        constexpr core::milliseconds after_you{200};
        const core::deadline until = core::deadline::after(after_you, context_.clock->now());
        [[maybe_unused]] const core::wake_reason woken = co_await state_->abandoned_bell().wait(until);
    }
    if (state_->abandoned()) {
        carry_out(after_abandonment(standing()));
        co_return false;
    }
    scheduler::admission_request who;
    who.id = request_.id;
    who.client = request_.client;
    who.model = model_->deployment;
    who.until = deadline();
    who.readmission = tries_ > 0;
    who.behind = blame_.hung();
    who.batch = is_job_;
    who.keep_alive = request_.keep_alive;
    who.held = [this](const engine::backend& at) { return held_at(at); };
    if (tries_ == 0) {
        who.on_queued = [this](const scheduler::queue_place& place) {
            state_->notes().place = place;
            put_long_prompt_aside();
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
        co_return false;
    }
    auto& answer = std::get<0>(first);
    if (!answer) {
        chat::failure no = answer.error();
        no.retryable = no.kind != chat::failure_kind::model_not_found;
        end_with(no);
        co_return false;
    }
    lease_.emplace(std::move(*answer));
    tier_ = (*lease_)->model().tier;
    // Between two runs of one request its model is not unloaded, whatever its keep_alive.
    stays_ = context_.admission->hold(model_->deployment);
    figures_.begin_run(context_.clock->now());
    note_who_serves();
    note_stages_so_far();
    co_return true;
}

core::awaitable<generation_run::verdict> generation_run::attempt() {
    ++tries_;
    settled_ = false;
    judged_ = false;
    keeps_figures_ = false;
    blame_.begin_run();
    verdict_ = verdict::over;
    engine::backend& runtime = **lease_;
    fit_result fitted = co_await fit(runtime);
    if (state_->abandoned()) {
        carry_out(after_abandonment(standing()));
        co_return verdict::over;
    }
    if (!fitted) {
        settle_failure(fitted.error());
        co_return verdict_;
    }
    note_cuts(fitted->cuts);
    unsummarised_ = std::move(fitted->unsummarised);
    begin_run(fitted->prompt);
    engine::run_spec spec = make_spec(std::move(fitted->prompt));
    report_.note_run(summary(), spec.prompt, spec.max_tokens);

    const core::executor on = co_await asio::this_coro::executor;
    engine::run_control control(on);
    control_ = &control;
    state_->attach(&control);
    std::function<void(const engine::run_outcome&)> on_end = [this](const engine::run_outcome& outcome) {
        settle(outcome);
    };
    const engine::run_outcome outcome =
        co_await runtime.run(std::move(spec), *this, control, std::move(on_end));
    state_->attach(nullptr);
    control_ = nullptr;
    settle(outcome);
    blame_.note(*model_, tier_, outcome.loss);
    if (const auto& given_up = state_->abandoned_at()) {
        report_.note_idle_after(context_.clock->now() - *given_up);
    }
    if (keeps_figures_) {
        figures_.keep_run(context_.clock->now(), will_go_on_);
    }
    co_return verdict_;
}

// With what was wrong before, if there is room for it; else the conversation alone, which the model may
// answer better this time.
core::awaitable<fit_result> generation_run::fit(engine::backend& runtime) {
    const core::deadline until = deadline();
    if (!correction_.empty()) {
        const std::vector<chat::message> corrected = std::move(correction_);
        correction_.clear();
        std::optional<chat::rendered_prompt> unrendered;
        fit_result with_hint =
            co_await fit_prompt(runtime, options_, request_, corrected, std::move(unrendered), false, until,
                                context_.options.rendering);
        if (with_hint || gave_way_ || with_hint.error().kind != chat::failure_kind::context_too_long) {
            co_return with_hint;
        }
        will_go_on_ = false;
    }
    std::optional<chat::rendered_prompt> prepared = std::move(prompt_);
    prompt_.reset();
    fit_result fitted =
        co_await fit_prompt(runtime, options_, request_, request_.messages, std::move(prepared),
                            may_shorten(), until, context_.options.rendering, nullptr,
                            sums_up() ? context_.summaries.get() : nullptr, context_.kept.get());
    co_return fitted;
}

void generation_run::note_cuts(const prompt_cuts& cuts) {
    state_->notes().cuts = cuts;
    state_->notes().cuts_note =
        is_background(request_) ? std::string() : note_for_people(cuts, !tool_names(request_).empty());
    if (!cuts.any() || request_.idle_work) {
        return;
    }
    const core::reason said = core::say("run.shortened", to_text(cuts));
    telemetry::warn(said, "request id={} model={} client={}: {} event=request.shortened", request_.id,
                    model_->name, telemetry::printable(request_.client), said);
    context_.shortened->add(request_.client, model_->name, cuts, context_.clock->now());
}

void generation_run::begin_run(const chat::rendered_prompt& prompt) {
    answer_output::run_plan plan;
    plan.filter.format = options_.format;
    plan.filter.stops = request_.limits.stops;
    // Some think although they were told not to. Who wrote the prompt gets the text as it is.
    plan.filter.separate_thinking =
        !gave_way_ && (prompt.thinking || (options_.format->thinks && is_conversation(request_)));
    plan.filter.starts_in_thinking = prompt.starts_in_thinking;
    plan.filter.tool_names = tool_names(request_);
    plan.filter.one_call = request_.one_call;
    if (forced_) {
        plan.filter.call_begun = forced_->begun;
    }
    plan.drops_thinking = request_.thinking == chat::thinking_mode::off;
    // Thinking that the client turned off is not there for it, wherever the model does it all the same.
    plan.filter.stops_see_thinking = !prompt.empties_thinking && !plan.drops_thinking;
    if (prompt.empties_thinking) {
        plan.block.emplace(max_tokens(request_.limits, context_length_of(*model_)));
    }
    plan.ends_behind_thoughts = held_part(prompt) == held::behind_thoughts;
    goes_on_ = std::exchange(will_go_on_, false);
    plan.goes_on = goes_on_;
    output_.begin_run(std::move(plan));
}

// A thought, a call or the rest of a begun answer would not keep to the format, and most runtimes know of none. A model
// that is not known to think is kept from it.
generation_run::held generation_run::held_part(const chat::rendered_prompt& prompt) const {
    using catalog::format_form;
    if (!output_.has_format() || request_.hole || !begun_answer(request_).empty() ||
        !tool_names(request_).empty()) {
        return held::nothing;
    }
    const format_form form = model_->entry->runtime.traits.formats;
    const bool thinks =
        prompt.thinking && (prompt.starts_in_thinking || catalog::can(*model_->entry, "thinking"));
    if (!thinks || (form == format_form::ollama && !prompt.verbatim)) {
        return held::whole;
    }
    const bool may_go_on = form != format_form::none && parts_ == 0 &&
                           model_->runtime->facts().takes_verbatim && !has_images(request_) &&
                           request_.messages.back().from != chat::role::assistant;
    return may_go_on ? held::behind_thoughts : held::nothing;
}

engine::run_spec generation_run::make_spec(chat::rendered_prompt prompt) const {
    engine::run_spec spec;
    spec.id = request_.id;
    spec.owner = request_.owner;
    spec.aside = is_batch(request_) || request_.idle_work;
    spec.prompt = std::move(prompt);
    spec.sampling = request_.sampling;
    spec.max_tokens = max_tokens(request_.limits, context_length_of(*model_));
    if (goes_on_ && spec.max_tokens) {
        *spec.max_tokens -= std::min(*spec.max_tokens - 1, figures_.usage().generated_tokens);
    }
    if (output_.block() && spec.max_tokens) {
        const std::uint32_t raised = core::sum_of(*spec.max_tokens, hidden_block::room);
        spec.block_tokens = raised - *spec.max_tokens;
        spec.max_tokens = raised;
    }
    spec.until = deadline();
    if (const engine::stated_model stated = (*lease_)->stated(); spec.prompt.thinking) {
        if (stated.names_thinking(request_.effort)) {
            spec.think = request_.effort;
        } else if (stated.names_thinking(true)) {
            spec.think = true;
        }
    }
    if ((*lease_)->facts().tells_logprobs) {
        spec.top_logprobs = request_.top_logprobs;
    }
    if (forced_) {
        spec.format = forced_->schema;
    } else if (held_part(spec.prompt) == held::whole) {
        spec.format = request_.format;
    }
    return spec;
}

}  // namespace corral::generation
