#include "api/generation_run.hpp"

#include <algorithm>
#include <exception>
#include <limits>
#include <utility>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include "api/failure_status.hpp"
#include "corral/chat/family.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::api {

namespace asio = core::asio;

namespace {

// Turns the cancellation of a task into the one way in which a request is given up, so that no await inside
// is cut short.
struct abandon_instead {
    std::shared_ptr<generation_state> state;
    asio::cancellation_type operator()(asio::cancellation_type) const {
        state->abandon();
        return asio::cancellation_type::none;
    }
};

core::nanoseconds between(core::steady_time from, core::steady_time to) {
    const bool known = from != core::steady_time{} && to != core::steady_time{};
    return known && to > from ? std::chrono::duration_cast<core::nanoseconds>(to - from)
                              : core::nanoseconds{0};
}

double milliseconds_of(core::nanoseconds span) {
    return std::chrono::duration<double, std::milli>(span).count();
}

template <typename Value>
void complete(std::optional<Value>& wanted, Value otherwise) {
    if (!wanted) {
        wanted = otherwise;
    }
}

}  // namespace

generation_run::generation_run(const run_context& with, chat::generation_request what,
                               std::shared_ptr<generation_state> to)
    : with_(with), request_(std::move(what)), to_(std::move(to)) {
    if (request_.arrived == core::steady_time{}) {
        request_.arrived = with_.clock->now();
    }
    std::erase(request_.limits.stops, std::string{});
}

core::deadline generation_run::deadline() const {
    return request_.until.sooner(core::deadline::after(with_.options.request_deadline, request_.arrived));
}

core::awaitable<void> generation_run::perform() {
    const asio::cancellation_state before = co_await asio::this_coro::cancellation_state;
    if (before.cancelled() != asio::cancellation_type::none) {
        to_->abandon();
    }
    abandon_instead filter{to_};
    co_await asio::this_coro::reset_cancellation_state(filter);
    std::string thrown;
    try {
        co_await steps();
    } catch (const std::exception& error) {
        thrown = error.what();
    }
    to_->attach(nullptr);
    control_ = nullptr;
    lease_.reset();
    if (!to_->ended() && !thrown.empty()) {
        telemetry::log().error("request id={} met an exception: {}", request_.id,
                               telemetry::printable(thrown));
    }
    if (!to_->ended()) {
        fail(chat::failure_kind::internal, "no-end", "the request ended without a result");
    }
    log_line();
}

core::awaitable<void> generation_run::steps() {
    if (!prepare()) {
        co_return;
    }
    verdict now = verdict::again;
    while (now == verdict::again) {
        const bool granted = co_await take_turn();
        if (!granted) {
            co_return;
        }
        now = co_await attempt();
        lease_.reset();
    }
}

bool generation_run::prepare() {
    model_ = with_.models->find(request_.model);
    if (model_ == nullptr) {
        fail(chat::failure_kind::model_not_found, "model-not-found", "this model is not served here");
        return false;
    }
    if (request_.raw_prompt) {
        fail(chat::failure_kind::unsupported, "raw-prompt",
             "this runtime can't take a raw prompt: its own tokenizer service wraps every prompt in a chat "
             "template");
        return false;
    }
    const catalog::model_entry& entry = *model_->entry;
    how_.format = chat::find_family(entry.family);
    how_.default_system = entry.default_system;
    how_.package_forbids_thinking = entry.package_forbids_thinking;
    if (how_.format == nullptr || request_.messages.empty()) {
        fail(chat::failure_kind::internal, "not-renderable",
             "the conversation can't be rendered for this model");
        return false;
    }
    // What can't be rendered is refused now and not after a wait for the runtime.
    const auto rendered = chat::render(how_, request_.messages, request_.tools, request_.thinking);
    if (!rendered) {
        fail(render_failure(rendered.error()));
        return false;
    }
    if (request_.limits.num_predict == 0) {
        finish(chat::finish_reason::length);
        return false;
    }
    return true;
}

core::awaitable<bool> generation_run::take_turn() {
    if (to_->abandoned()) {
        fail_as_cancelled();
        co_return false;
    }
    scheduler::admission_request who;
    who.id = request_.id;
    who.client = request_.client;
    who.model = model_->entry->name;
    who.until = deadline();
    who.readmission = tries_ > 0;
    who.keep_alive = request_.keep_alive;
    who.on_queued = [to = to_](const scheduler::queue_place& place) { to->place = place; };
    using namespace asio::experimental::awaitable_operators;
    // The reader's going ends the wait. The bell's own limit only guards against an admission that never
    // answers.
    const core::deadline guard = core::deadline::after(core::seconds{5}, who.until.at());
    auto first = co_await (with_.admission->acquire(std::move(who)) || to_->abandoned_bell().wait(guard));
    if (first.index() == 1) {
        fail_as_cancelled();
        co_return false;
    }
    auto& answer = std::get<0>(first);
    if (!answer) {
        const scheduler::refusal& no = answer.error();
        chat::failed_event event{no.kind, no.cause, no.message,
                                 no.kind != chat::failure_kind::model_not_found, no.retry_after};
        to_->end(event);
        outcome_ = no.cause;
        co_return false;
    }
    lease_.emplace(std::move(*answer));
    leased_ = with_.clock->now();
    co_return true;
}

core::awaitable<generation_run::verdict> generation_run::attempt() {
    ++tries_;
    settled_ = false;
    verdict_ = verdict::over;
    progress_ = {};
    tokens_at_first_text_ = 0;
    engine::backend& runtime = **lease_;
    fit_result fitted = co_await fit_prompt(runtime, how_, request_, deadline());
    if (to_->abandoned()) {
        fail_as_cancelled();
        co_return verdict::over;
    }
    if (!fitted) {
        settle_failure(fitted.error());
        co_return verdict_;
    }
    to_->dropped_messages = fitted->dropped_messages;
    chat::filter_options how;
    how.format = how_.format;
    how.stops = request_.limits.stops;
    how.separate_thinking = fitted->prompt.thinking;
    how.starts_in_thinking = fitted->prompt.starts_in_thinking;
    filter_.emplace(std::move(how));

    const core::executor on = co_await asio::this_coro::executor;
    engine::run_control control(on);
    control_ = &control;
    to_->attach(&control);
    engine::run_spec spec = make_spec(std::move(fitted->prompt));
    std::function<void(const engine::run_outcome&)> on_end = [this](const engine::run_outcome& outcome) {
        settle(outcome);
    };
    const engine::run_outcome outcome =
        co_await runtime.run(std::move(spec), *this, control, std::move(on_end));
    to_->attach(nullptr);
    control_ = nullptr;
    settle(outcome);
    co_return verdict_;
}

engine::run_spec generation_run::make_spec(chat::rendered_prompt prompt) const {
    const catalog::sampling_defaults& defaults = model_->entry->sampling;
    engine::run_spec spec;
    spec.id = request_.id;
    spec.prompt = std::move(prompt);
    spec.sampling = request_.sampling;
    complete(spec.sampling.temperature, defaults.temperature);
    complete(spec.sampling.top_k, defaults.top_k);
    complete(spec.sampling.top_p, defaults.top_p);
    complete(spec.sampling.repeat_penalty, defaults.repeat_penalty);
    const std::int64_t wanted = request_.limits.num_predict.value_or(-1);
    if (wanted > 0) {
        constexpr std::int64_t most = std::numeric_limits<std::uint32_t>::max();
        spec.max_tokens = static_cast<std::uint32_t>(std::min(wanted, most));
    }
    spec.until = deadline();
    return spec;
}

void generation_run::on_text(std::string_view piece, const engine::run_progress& now) {
    progress_ = now;
    if (tokens_at_first_text_ == 0) {
        tokens_at_first_text_ = now.usage.generated_tokens;
    }
    if (to_->ended() || to_->abandoned()) {
        return;
    }
    push(filter_->feed(piece));
    if (filter_->stopped()) {
        finish(chat::finish_reason::stop);
        control_->cancel();
    } else if (to_->pending_bytes() > max_pending_bytes()) {
        fail(chat::failure_kind::runtime_failed, "answer-too-long",
             "the answer outgrew the memory that the model's context can fill");
        control_->cancel();
    }
}

// A model without a switch thinks although it was told not to; that part is not wanted then.
void generation_run::push(std::vector<chat::generation_event> events) {
    const bool unwanted = request_.thinking == chat::thinking_mode::off;
    for (chat::generation_event& event : events) {
        if (!unwanted || !std::holds_alternative<chat::thinking_event>(event)) {
            to_->push(std::move(event));
        }
    }
}

// Called by the run's end and again by its return; the first one counts.
void generation_run::settle(const engine::run_outcome& outcome) {
    if (settled_) {
        return;
    }
    settled_ = true;
    progress_ = outcome.progress;
    if (outcome.failure && outcome.failure->blames_request) {
        ++deaths_;
    }
    if (to_->ended()) {
        return;
    }
    if (to_->abandoned()) {
        return fail_as_cancelled();
    }
    if (outcome.end == engine::run_end::failed) {
        return settle_failure(outcome.failure.value_or(engine::run_failure{}));
    }
    if (outcome.end == engine::run_end::cancelled) {
        return fail(chat::failure_kind::internal, "run-cancelled", "the run was stopped without a reason");
    }
    push(filter_->finish());
    finish(outcome.end == engine::run_end::stop ? chat::finish_reason::stop : chat::finish_reason::length);
}

// 1. Text has gone out: the failure. 2. Killed the runtime too often: poisonous. 3. Worth a try and tries
// left: again.
void generation_run::settle_failure(const engine::run_failure& why) {
    if (!to_->answered() && deaths_ >= with_.options.poisonous_after) {
        telemetry::log().error(
            "request id={} model={} client={} is poisonous: the runtime died in it {} times", request_.id,
            model_->entry->name, telemetry::printable(request_.client), deaths_);
        return fail(chat::failure_kind::runtime_failed, "poisonous",
                    "the runtime died " + std::to_string(deaths_) +
                        " times while it worked on this request, so the request is not tried again");
    }
    const bool time_left = !deadline().passed(with_.clock->now());
    if (!to_->answered() && why.retryable && tries_ < with_.options.max_tries && time_left) {
        telemetry::log().warn(
            "request id={} model={} try={} failed before its answer began ({}), waiting to run again",
            request_.id, model_->entry->name, tries_, why.cause);
        verdict_ = verdict::again;
        return;
    }
    fail(why);
}

void generation_run::finish(chat::finish_reason reason) {
    if (filter_ && filter_->stopped()) {
        reason = chat::finish_reason::stop;
    }
    chat::finished_event event{reason, progress_.usage, timings()};
    if (to_->end(event)) {
        outcome_ = reason == chat::finish_reason::stop ? "stop" : "length";
    }
}

void generation_run::fail(const engine::run_failure& why) {
    chat::failed_event event{why.kind, why.cause, why.message, why.retryable, {}};
    if (to_->end(event)) {
        outcome_ = why.cause.empty() ? name_of(why.kind) : why.cause;
    }
}

void generation_run::fail(chat::failure_kind kind, std::string cause, std::string message) {
    engine::run_failure why;
    why.kind = kind;
    why.cause = std::move(cause);
    why.message = std::move(message);
    fail(why);
}

void generation_run::fail_as_cancelled() {
    if (to_->reader_gone()) {
        return fail(chat::failure_kind::cancelled, "cancelled", "the client has gone");
    }
    fail(chat::failure_kind::shutting_down, "shutting-down", "the server is shutting down");
}

// Text first shows when a whole piece of tokens is done (vendor_ax_observed.md §2), so the tokens of the
// first piece were decoded before it; their time is taken at the pace of the rest. Else short answers would
// look twice as fast as they are.
core::nanoseconds generation_run::decode_before_first_text(core::nanoseconds after_it,
                                                           core::nanoseconds before_it) const {
    const std::uint32_t all = progress_.usage.generated_tokens;
    const std::uint32_t first = tokens_at_first_text_;
    if (first < 2 || all <= first) {
        return core::nanoseconds{0};
    }
    return std::min(after_it / (all - first) * (first - 1), before_it);
}

chat::generation_timings generation_run::timings() const {
    const core::steady_time now = with_.clock->now();
    chat::generation_timings out;
    out.queue = between(request_.arrived, leased_);
    out.reset = between(leased_, progress_.reset_confirmed);
    out.prefill = between(progress_.generate_accepted, progress_.first_text);
    out.decode = between(progress_.first_text, now);
    const core::nanoseconds hidden = decode_before_first_text(out.decode, out.prefill);
    out.prefill -= hidden;
    out.decode += hidden;
    out.total = between(request_.arrived, now);
    return out;
}

// A token is a few bytes; a reader that takes nothing can hold a context's worth of text, and no more.
std::size_t generation_run::max_pending_bytes() const {
    constexpr std::size_t bytes_per_token = 64;
    constexpr std::size_t least = 1024 * 1024;
    return std::max(least, static_cast<std::size_t>(model_->runtime->context_length()) * bytes_per_token);
}

void generation_run::log_line() const {
    const chat::generation_timings took = timings();
    const double decode_seconds = std::chrono::duration<double>(took.decode).count();
    const double rate = decode_seconds > 0 ? progress_.usage.generated_tokens / decode_seconds : 0.0;
    telemetry::log().info(
        "request id={} model={} client={} queue_ms={:.1f} reset_ms={:.1f} prefill_ms={:.1f} decode_ms={:.1f} "
        "total_ms={:.1f} "
        "prompt_tokens={} tokens={} rate={:.2f} tries={} dropped_messages={} outcome={}",
        request_.id, model_ == nullptr ? telemetry::printable(request_.model) : model_->entry->name,
        telemetry::printable(request_.client), milliseconds_of(took.queue), milliseconds_of(took.reset),
        milliseconds_of(took.prefill), milliseconds_of(took.decode), milliseconds_of(took.total),
        progress_.usage.prompt_tokens, progress_.usage.generated_tokens, rate, tries_, to_->dropped_messages,
        outcome_);
}

}  // namespace corral::api
