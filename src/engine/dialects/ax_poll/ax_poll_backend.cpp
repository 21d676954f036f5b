#include "engine/dialects/ax_poll/ax_poll_backend.hpp"

#include <algorithm>
#include <utility>

#include "corral/catalog/placement.hpp"
#include "corral/core/say.hpp"
#include "corral/telemetry/log.hpp"
#include "engine/first_answer.hpp"
#include "engine/group_availability.hpp"

namespace corral::engine::ax_poll {

namespace {

constexpr unsigned starts_before_doubt = 2;
constexpr prompt_size first_test_size{256, 0};  // no shorter than its texts

catalog::context_sizes with_vocabulary(catalog::context_sizes sizes, std::uint32_t vocabulary) {
    if (sizes.vocabulary == 0) {
        sizes.vocabulary = vocabulary;
    }
    return sizes;
}

std::string closing_text(const catalog::model_entry& model) {
    const chat::family* const format = chat::find_family(model.family);
    return format == nullptr ? std::string{} : verbatim_encoder::closing_of(*format);
}

}  // namespace

ax_poll_backend::ax_poll_backend(const supervisor::supervisor_context& context, catalog::model_entry model,
                                 ax_poll_places places, const backend_handover* handover)
    : group_backend(context, std::move(model)),
      places_(std::move(places)),
      epochs_(places_.runtime, places_.tokenizer, places_.tap != nullptr),
      log_(with_vocabulary(model_.context, places_.vocabulary), keeps_nothing()),
      own_(context.on, places_.tokenizer_calls),
      verbatim_(own_, *context.clock, chat::find_family(model_.family)),
      clocks_(model_.runtime.clocks),
      cycle_(parts()) {
    const auto hook = [this](supervisor::service_spec& service) {
        service.at_work = [this] { return cycle_.busy(); };
        if (service.name == places_.tokenizer) {
            service.busy = [this] { return tokenizer_in_use(); };
        }
        if (service.name == places_.runtime) {
            service.self_test = [this] { return self_test(); };
            service.quiesce = [this](core::deadline until) { return quiesce(until); };
            service.busy = [this] { return cycle_.busy(); };
            runtime_words_ = service.command.command;
            service.on_endpoint = [this](const auto& where) { places_.runtime_at = where; };
        }
    };
    own(places_, 1, hook, handover);
    // Calls of the tap may outlive this.
    places_.tokenizer_calls.distrust_when([of = std::weak_ptr(group_), service = places_.tokenizer] {
        const std::shared_ptr<supervisor::group> group = of.lock();
        return group == nullptr || group->ended(service);
    });
    ahead_.allow(model_.ahead_share);
    look_at_services();
    if (handover != nullptr) {
        take_over(*handover);
    }
    observe();
    context_.activity->listen(this, [this] {
        yield_proof();
        yield_ahead();
    });
    if (places_.tap) {
        places_.tap->listen_to(
            [this] { cycle_.on_tap_event(); },
            [this](std::string_view text, bool perhaps_final) { cycle_.on_tap_text(text, perhaps_final); },
            [this](const core::reason& cause) { on_tokenizer_ill(cause); });
        places_.tap->serve_only([this] { return users_of_tap(); });
    }
}

ax_poll_backend::~ax_poll_backend() {
    close_proof();
    close_ahead();
    context_.activity->ignore(this);
    if (places_.tap) {
        places_.tap->close();
    }
    disown();
}

cycle_parts ax_poll_backend::parts() {
    return cycle_parts{
        .on = context_.on,
        .clock = context_.clock,
        .link = runtime_link(&places_.runtime_at, &clocks_, *context_.clock,
                             [this] { return runtime_is_gone(); }),
        .tap = places_.tap.get(),
        .verbatim = places_.tap ? &verbatim_ : nullptr,
        .epochs = &epochs_,
        .halted = [this] { return group_->halted(places_.runtime); },
        .settings = {.clocks = model_.runtime.clocks,
                     .poll_interval = model_.runtime.poll_interval,
                     .keeps_nothing = keeps_nothing(),
                     .can_encode = places_.tap != nullptr,
                     .closing = closing_text(model_)},
        .learned = &clocks_,
        .sampling = model_.sampling,
        .sizes = [this] { return sizes(); },
        .restart = [this](const act::restart& what) { restart(what); },
        .tokenizer_hung = [this] { on_tokenizer_hung(); },
        .intrusion = [this](act::report_intrusion::kind kind) { on_intrusion(kind); },
        .examine_tokenizer = [this](core::deadline until) { return examine_tokenizer(until); },
        .reuse = [this] { return rule_of_reuse(); },
    };
}

std::vector<pid_t> ax_poll_backend::users_of_tap() const {
    std::vector<pid_t> out;
    for (const supervisor::service_status& service : group_->status()) {
        if (service.pid > 0 && service.name != places_.tokenizer) {
            out.push_back(service.pid);
        }
    }
    return out;
}

std::string ax_poll_backend::warning() const {
    return intrusion_.empty() ? group_backend::warning() : intrusion_.text();
}

backend_facts ax_poll_backend::facts() const noexcept {
    return {.context_length = sizes().positions,
            .takes_verbatim = takes_verbatim(),
            .computes_ahead = computes_ahead(),
            .honoured_sampling = honoured_sampling()};
}

backend_report ax_poll_backend::report() const {
    backend_report out = group_backend::report();
    out.intrusions = intrusions_;
    out.intrusions.tap_calls = places_.tap ? places_.tap->refused() : 0;
    out.reuse = reuse();
    return out;
}

void ax_poll_backend::on_intrusion(act::report_intrusion::kind kind) {
    const bool poll = kind == act::report_intrusion::kind::poll;
    if (kind == act::report_intrusion::kind::cache) {
        ++reused_.mistaken;
        telemetry::warn(core::say("runtime.cache-foreign/other-tokens", catalog::label_of(model_)));
        return;
    }
    ++(poll ? intrusions_.polls : intrusions_.stops);
    const std::uint16_t port = places_.runtime_at.port();
    core::reason said = poll ? core::say("runtime.foreign-talk/polls", port, port)
                             : core::say("runtime.foreign-talk/stops", port, port);
    if (said == intrusion_) {
        return;  // once for each process of the runtime
    }
    intrusion_ = std::move(said);
    telemetry::warn(intrusion_, "{}: {}", catalog::label_of(model_), intrusion_);
    changed_.ring();
}

bool ax_poll_backend::takes_verbatim() const noexcept {
    return places_.tap != nullptr && !tap_passed_by_ && verbatim_.possible();
}

reuse_rule ax_poll_backend::rule_of_reuse() const noexcept {
    const bool may = model_.reuse == catalog::reuse_policy::automatic && !keeps_nothing();
    return {may && (proving_ || proof_.says == reuse_proof::verdict::equal), model_.reuse_across_keys};
}

core::awaitable<run_outcome> ax_poll_backend::run(run_spec spec, run_sink& sink, run_control& control,
                                                  std::function<void(const run_outcome&)> on_end) {
    look_at_services();
    const supervisor::box_activity::mark at_work(context_.activity, *context_.clock);
    co_await let_proof_end(spec.until);
    const core::steady_time came = context_.clock->now();
    co_await let_ahead_end(spec.until);
    const core::nanoseconds waited = context_.clock->now() - came;
    // Behind these, for a runtime may have died of them.
    auto refused = co_await refused_run(*group_, places_.runtime, control, *context_.clock, on_end);
    if (refused) {
        co_return std::move(*refused);
    }
    const bool aside = spec.aside;
    note_turn(spec, came);
    request_words::listener hears(words_, spec.prompt, sink);
    std::optional<decay_watch::run> measured;
    if (decay_) {
        on_end = measured.emplace(*decay_).on_end(std::move(on_end));
    }
    run_outcome out = co_await cycle_.run(std::move(spec), hears, control, std::move(on_end), true);
    reused_.note(out.progress);
    if (!out.failure && out.end != run_end::cancelled) {
        group_->went_well(places_.runtime);
    }
    if (measured) {
        measured->ended(out);
    }
    last_use_ = context_.clock->now();
    note_ended(out, aside, waited);
    wake_proof();
    co_return out;
}

reuse_report ax_poll_backend::reuse() const {
    reuse_report out = reused_;
    if (places_.tap != nullptr && !keeps_nothing()) {
        out.ahead_made = ahead_.figures().made;
        out.ahead_hits = ahead_.figures().hits;
        out.ahead_saved = ahead_.figures().saved;
        out.ahead_waited = ahead_.figures().waited;
        out.state = proof_.says == reuse_proof::verdict::equal && rule_of_reuse().on ? "on" : "off";
        out.why = model_.reuse == catalog::reuse_policy::off ? core::say("model.reuse-off/off").text()
                  : !proof_.why.empty()                      ? proof_.why
                  : takes_verbatim() ? core::say("model.reuse-off/not-compared").text()
                                     : core::say("model.reuse-off/not-told").text();
    }
    return out;
}

bool ax_poll_backend::renew(const catalog::model_entry& as) {
    if (!group_backend::renew(as)) {
        return false;
    }
    ahead_.allow(model_.ahead_share);
    begin_proof();
    return true;
}

void ax_poll_backend::start() {
    epochs_.want_stop(false);
    group_->start();
}

core::awaitable<bool> ax_poll_backend::stop(core::deadline until) {
    epochs_.want_stop(true);
    co_await end_proof(until);
    close_ahead();
    const core::steady_time came = context_.clock->now();
    co_await let_ahead_end(until);
    ahead_.held_up(context_.clock->now() - came);  // for another model, perhaps
    co_return co_await group_->stop(until);
}

bool ax_poll_backend::tokenizer_in_use() const noexcept {
    const bool asked_by_runtime = places_.tap && places_.tap->view().calls_open > 0;
    // A runtime that loads or runs asks it without us where there is no tap.
    const bool unseen = !places_.tap && epochs_.runtime().state == supervisor::service_state::starting;
    return cycle_.busy() || tokenizer_calls_ > 0 || asked_by_runtime || unseen;
}

core::awaitable<core::result<void>> ax_poll_backend::self_test() {
    look_at_services();
    const process_epochs::mark begun = epochs_.now();
    first_question ask{
        .text = "Hi",
        .until = core::deadline::after(clocks_.reset.limit(first_test_size) +
                                           clocks_.prefill.limit(first_test_size) + clocks_.decode.limit(),
                                       context_.clock->now()),
        .control = control_of_first_test()};
    first_run run = [this](run_spec spec, run_sink& sink, run_control& control) {
        std::function<void(const run_outcome&)> no_listener;
        return cycle_.run(std::move(spec), sink, control, std::move(no_listener), false);
    };
    const auto answered = co_await ask_first_question(context_.on, model_, std::move(ask), std::move(run));
    if (!answered) {
        co_return answered.error();
    }
    tap_passed_by_ = places_.tap && !places_.tap->view().in_use;
    if (tap_passed_by_) {
        telemetry::warn(core::say("runtime.tap-unused/url", catalog::label_of(model_)));
    }
    co_await prepare_counting(begun);
    if (epochs_.since(begun) == process_epochs::loss::none) {
        begin_proof();
    }
    co_return core::result<void>{};
}

core::awaitable<void> ax_poll_backend::quiesce(core::deadline until) {
    const bool idle = co_await cycle_.come_to_rest(until);
    if (!idle) {
        telemetry::log().debug("{}: the runtime was not idle before its stop", catalog::label_of(model_));
    }
}

void ax_poll_backend::restart(const act::restart& what) {
    if (what.pair && !places_.tokenizer.empty()) {
        group_->restart(places_.tokenizer, what.cause, what.why);
        if (!places_.tap) {
            return;  // the runtime depends on it and follows
        }
    }
    group_->restart(places_.runtime, what.cause, what.why);
}

void ax_poll_backend::on_tokenizer_hung() {
    on_tokenizer_ill(
        core::say("runtime.tokenizer-away/tokenizer-service", "took a call and did not answer it"));
}

void ax_poll_backend::on_tokenizer_ill(const core::reason& cause) {
    if (epochs_.tokenizer().state == supervisor::service_state::ready) {
        group_->restart(places_.tokenizer, cause, supervisor::restart_reason::hang);
    }
}

core::awaitable<void> ax_poll_backend::examine_tokenizer(core::deadline until) {
    const call_mark asking(tokenizer_calls_);
    const conversation_ids plain = co_await own_.try_plain_texts(until);
    if (plain.fault == tokenizer_fault::timed_out) {
        on_tokenizer_hung();
    } else if (plain.fault == tokenizer_fault::bad_answer) {
        on_tokenizer_ill(
            core::say("runtime.tokenizer-away/tokenizer-service", plain.said + " to plain texts"));
    }
}

// One that takes connections and answers none looks well, and every start of a runtime fails on it. Not so a start that
// is known to have failed for something else.
void ax_poll_backend::count_failed_starts() {
    const supervisor::service_status& now = epochs_.runtime();
    const bool served = std::exchange(served_, false);
    if (served || now.last_blamed.value_or(places_.tokenizer) != places_.tokenizer) {
        failed_starts_ = 0;
        return;
    }
    if (now.last_loss == supervisor::restart_reason::failed_start &&
        ++failed_starts_ == starts_before_doubt &&
        epochs_.tokenizer().state == supervisor::service_state::ready) {
        group_->restart(places_.tokenizer, core::say("runtime.tokenizer-away/suspect"),
                        supervisor::restart_reason::hang);
    }
}

void ax_poll_backend::on_output(std::string_view service, process::output_stream stream,
                                std::string_view bytes) {
    if (service != places_.runtime || stream != process::output_stream::out) {
        return;
    }
    log_.feed(bytes);
    cycle_.on_output(bytes);
}

void ax_poll_backend::on_status(const supervisor::service_status& now) {
    const process_epochs::mark before = epochs_.now();
    epochs_.on_status(now);
    const process_epochs::mark after = epochs_.now();
    if (before.runtime_starts != after.runtime_starts) {
        log_.on_process_started();
        intrusion_ = {};
        cycle_.on_new_process();
    }
    if (before.runtime_starts < after.runtime_starts) {  // reports may come late
        count_failed_starts();
    }
    served_ = served_ || epochs_.runtime().state == supervisor::service_state::ready;
    if (before.tokenizer_starts != after.tokenizer_starts) {
        own_.on_tokenizer_started();
        verbatim_.on_tokenizer_started();
        if (places_.tap) {
            places_.tap->on_tokenizer_started();
        }
    }
    note_load(epochs_.runtime().state);
    cycle_.on_status();
    changed_.ring();
}

}  // namespace corral::engine::ax_poll
