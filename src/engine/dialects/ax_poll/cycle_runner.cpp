#include "engine/dialects/ax_poll/cycle_runner.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "corral/core/say.hpp"
#include "corral/telemetry/log.hpp"
#include "engine/dialects/ax_poll/context_policy.hpp"
#include "engine/loss_text.hpp"

namespace corral::engine::ax_poll {

namespace {

// What the runtime is sent, and prints, where the tap answers with ids in place of a text.
constexpr std::string_view prescribed_text = "(token ids)";

std::string_view mark_of(const prompt_ids& ids) {
    return ids.mark.empty() ? prescribed_text : std::string_view(ids.mark);
}

}  // namespace

// The right to talk to the runtime, had by take_turn(), until the turn is left: at its end, by an exception, or cut as a
// coroutine, which may then outlive the runner.
class cycle_runner::held_turn {
public:
    held_turn(cycle_runner& by, turn& now) : by_(by), present_(by.present_) { by_.turn_ = &now; }
    held_turn(const held_turn&) = delete;
    held_turn& operator=(const held_turn&) = delete;
    ~held_turn() {
        if (!present_.expired()) {
            by_.end_turn();
        }
    }

private:
    cycle_runner& by_;
    std::weak_ptr<const bool> present_;
};

cycle_runner::cycle_runner(cycle_parts parts)
    : parts_(std::move(parts)),
      fsm_(parts_.settings, *parts_.learned, parts_.clock->now()),
      bell_(parts_.on),
      freed_(parts_.on) {
    if (parts_.tap != nullptr) {
        parts_.tap->hold_when([this] {
            fsm_.see(signs());
            return fsm_.wants_hold();
        });
    }
}

void cycle_runner::on_output(std::string_view bytes) {
    fsm_.see(signs());
    if (fsm_.on_output(bytes, clock_now())) {
        bell_.ring();
    }
}

void cycle_runner::on_tap_event() {
    fsm_.see(signs());
    fsm_.on_tap_event(clock_now());
    bell_.ring();
}

core::awaitable<bool> cycle_runner::take_turn(core::deadline until, run_control* control) {
    using namespace core::asio::experimental::awaitable_operators;
    while (busy_) {
        if (until.passed(clock_now()) || (control != nullptr && control->cancelled())) {
            co_return false;
        }
        if (control == nullptr) {
            co_await freed_.wait(until);
        } else {
            co_await (freed_.wait(until) || control->bell().wait(until));
        }
    }
    busy_ = true;
    co_return true;
}

void cycle_runner::end_turn() {
    if (!turn_->over) {
        fsm_.abandon();
        if (parts_.tap != nullptr) {
            parts_.tap->let_go();
            parts_.tap
                ->on_tokenizer_started();  // a call that was cut may have left tokens in its decode cache
        }
    }
    turn_ = nullptr;
    busy_ = false;
    freed_.ring();
}

core::awaitable<run_outcome> cycle_runner::run(run_spec spec, run_sink& sink, run_control& control,
                                               std::function<void(const run_outcome&)> on_end,
                                               bool may_restart) {
    const bool mine = co_await take_turn(spec.until, &control);
    if (!mine) {
        run_outcome out;
        out.end = control.cancelled() ? run_end::cancelled : run_end::failed;
        if (out.end == run_end::failed) {
            run_failure late;
            late.kind = chat::failure_kind::timed_out;
            late.message = core::say("request.deadline/turn");
            out.failure = std::move(late);
        }
        out.progress.usage.prompt_tokens =
            token_estimate(spec.prompt.system) + token_estimate(spec.prompt.turns);
        if (on_end) {
            on_end(out);
        }
        co_return out;
    }
    turn now;
    const held_turn mark(*this, now);
    now.sink = &sink;
    now.control = &control;
    now.on_end = std::move(on_end);
    now.began = parts_.epochs->now();
    fsm_.begin(std::move(spec), may_restart, clock_now());
    co_await carry_out(now);
    co_return now.outcome;
}

core::awaitable<run_end> cycle_runner::compute_ahead(token_ids ids, std::string owner, run_control& control,
                                                     core::deadline until) {
    const bool mine = co_await take_turn(until, &control);
    if (!mine) {
        co_return run_end::cancelled;
    }
    turn now;
    const held_turn mark(*this, now);
    now.control = &control;
    now.began = parts_.epochs->now();
    fsm_.begin_ahead(std::move(ids), std::move(owner), until, clock_now());
    co_await carry_out(now);
    co_return now.outcome.end;
}

core::awaitable<bool> cycle_runner::come_to_rest(core::deadline until) {
    const bool mine = co_await take_turn(until, nullptr);
    if (!mine) {
        co_return false;
    }
    turn now;
    const held_turn mark(*this, now);
    now.began = parts_.epochs->now();
    fsm_.begin_rest(until, clock_now());
    co_await carry_out(now);
    co_return now.idle;
}

core::awaitable<void> cycle_runner::carry_out(turn& now) {
    while (!now.over) {
        fsm_.see(signs());
        const cycle_action next = fsm_.next(clock_now());
        const bool done = perform_at_once(now, next);
        if (!done) {
            co_await perform(next);
        }
    }
}

cycle_signs cycle_runner::signs() const {
    cycle_signs out;
    out.cancelled = cancelled();
    out.left = out.cancelled && !turn_->read_enough;
    if (turn_ != nullptr) {
        out.lost = parts_.epochs->since(turn_->began);
    }
    if (out.lost == process_epochs::loss::runtime) {
        out.loss_text = ended_text("The runtime", parts_.epochs->runtime());
        out.runtime_fell = fell(parts_.epochs->runtime());
        out.restarted = was_restarted(parts_.epochs->runtime());
    } else if (out.lost == process_epochs::loss::tokenizer) {
        out.loss_text = ended_text("The tokenizer service", parts_.epochs->tokenizer());
        out.restarted = was_restarted(parts_.epochs->tokenizer());
    }
    out.halted = parts_.halted && parts_.halted();
    out.sizes = parts_.sizes();
    out.tapped = tapped();
    if (out.tapped) {
        const token_ledger& tokens = parts_.tap->tokens();
        out.tap = parts_.tap->view();
        out.tokens_made = tokens.made();
        out.tokens_wanted = tokens.count();
        out.limit_reached = tokens.limit_reached();
        out.final_seen = tokens.final_seen();
        out.tokens = &tokens;
        out.text_is_whole = parts_.tap->text_is_whole();
        const reuse_rule reuse = parts_.reuse ? parts_.reuse() : reuse_rule{};
        out.reuses = reuse.on;
        out.across_owners = reuse.across_owners;
        out.wraps_as_family = parts_.verbatim != nullptr && parts_.verbatim->wraps_as_family();
    }
    return out;
}

bool cycle_runner::perform_at_once(turn& now, const cycle_action& action) {
    if (const auto* const piece = std::get_if<act::deliver>(&action)) {
        const bool wanted = !cancelled();
        now.sink->on_text(piece->text, fsm_.progress());
        now.read_enough = now.read_enough || (wanted && cancelled());
    } else if (const auto* const said = std::get_if<act::note>(&action)) {
        write(*said);
    } else if (const auto* const wish = std::get_if<act::restart>(&action)) {
        parts_.restart(*wish);
    } else if (std::holds_alternative<act::report_tokenizer_hung>(action)) {
        parts_.tokenizer_hung();
    } else if (const auto* const seen = std::get_if<act::report_intrusion>(&action)) {
        parts_.intrusion(seen->how);
    } else if (const auto* const end = std::get_if<act::tell_end>(&action)) {
        now.outcome = end->outcome;
        if (now.on_end) {
            now.on_end(now.outcome);
        }
    } else if (const auto* const last = std::get_if<act::finish>(&action)) {
        now.over = true;
        now.outcome.loss = last->loss;
        now.idle = last->idle;
    } else {
        return false;
    }
    return true;
}

core::awaitable<void> cycle_runner::perform(const cycle_action& action) {
    if (std::holds_alternative<act::poll>(action)) {
        co_await poll();
    } else if (const auto* const pause = std::get_if<act::rest>(&action)) {
        co_await rest(pause->until);
    } else if (std::holds_alternative<act::stop>(action)) {
        const auto got = co_await parts_.link.stop();
        fsm_.see(signs());
        fsm_.on_stopped(got, clock_now());
        if (parts_.tap != nullptr) {
            parts_.tap->let_go();
        }
    } else if (std::holds_alternative<act::reset>(action)) {
        co_await reset();
    } else if (std::holds_alternative<act::generate>(action)) {
        co_await generate();
    } else if (const auto* const asked = std::get_if<act::encode>(&action)) {
        co_await encode(*asked);
    } else if (const auto* const owed = std::get_if<act::fetch_owed>(&action)) {
        co_await fetch_owed(owed->until);
    } else if (const auto* const doubted = std::get_if<act::examine_tokenizer>(&action)) {
        auto examining = parts_.examine_tokenizer(doubted->until);
        co_await while_it_lives(std::move(examining));
        fsm_.see(signs());
        fsm_.on_examined(clock_now());
    } else if (const auto* const repaired = std::get_if<act::repair_tap>(&action)) {
        auto repairing = parts_.tap->repair(repaired->until);
        co_await while_it_lives(std::move(repairing));
        fsm_.on_repaired(clock_now());
    }
}

core::awaitable<void> cycle_runner::poll() {
    const core::steady_time sent = clock_now();
    const auto got = co_await parts_.link.poll();
    fsm_.see(signs());
    fsm_.on_polled(sent, got, clock_now());
}

// Without zeros: the runtime handles texts as C strings, and one cut short would be answered, or be taken for
// another's.
std::string cycle_runner::sent_text(std::string_view text) const {
    std::string out(fsm_.ids() ? mark_of(*fsm_.ids()) : text);
    std::erase(out, '\0');
    return out;
}

core::awaitable<void> cycle_runner::reset() {
    std::string system = sent_text(fsm_.request().prompt.system);
    if (tapped()) {
        const catalog::context_sizes sizes = parts_.sizes();
        parts_.tap->set_limits(most_system_tokens(sizes), sizes.vocabulary);
        parts_.tap->begin_reset(fsm_.ids(), system);
        parts_.tap->begin_run(std::nullopt, std::nullopt);
    }
    const auto got = co_await parts_.link.reset(std::move(system));
    fsm_.see(signs());
    fsm_.on_reset(got, clock_now());
}

core::awaitable<void> cycle_runner::generate() {
    const wire_sampling sampling =
        complete_sampling(fsm_.request().sampling, parts_.sampling, parts_.sizes().vocabulary);
    if (tapped() && fsm_.ids() && !fsm_.ids()->held.empty()) {
        parts_.tap->go_on(*fsm_.ids());
    }
    std::string prompt = sent_text(fsm_.request().prompt.turns);
    if (tapped()) {
        parts_.tap->begin_run(fsm_.request().max_tokens, prompt);
    }
    const auto got = co_await parts_.link.generate(std::move(prompt), sampling);
    fsm_.see(signs());
    fsm_.on_generated(got, clock_now());
}

core::awaitable<void> cycle_runner::encode(act::encode asked) {
    const chat::rendered_prompt& prompt = fsm_.request().prompt;
    std::string text = prompt.turns;
    std::string system = prompt.system;
    const bool verbatim = prompt.verbatim;
    const spoken_text* const spoken = asked.composes && fsm_.spoken() ? &*fsm_.spoken() : nullptr;
    verbatim_encoder::predicate unwanted = [this] { return cancelled() || lost(); };
    core::result<token_ids> ids = token_ids{};
    if (verbatim) {
        ids = co_await parts_.verbatim->encode(std::move(text), asked.until, std::move(unwanted), spoken);
    } else {
        ids = co_await parts_.verbatim->encode_wrapped(std::move(system), std::move(text), asked.until,
                                                       std::move(unwanted), spoken);
    }
    fsm_.see(signs());
    fsm_.on_encoded(std::move(ids), clock_now());
}

core::awaitable<void> cycle_runner::fetch_owed(core::deadline until) {
    const token_ledger& tokens = parts_.tap->tokens();
    const bool cut = !tokens.limit_reached() && !tokens.tail().empty();
    tokenizer_tap::predicate unwanted = [this] { return cancelled(); };
    const auto text = co_await parts_.tap->owed_text(until, std::move(unwanted));
    fsm_.see(signs());
    fsm_.on_owed(text, cut, clock_now());
}

core::awaitable<void> cycle_runner::while_it_lives(core::awaitable<void> work) {
    using namespace core::asio::experimental::awaitable_operators;
    std::function<bool()> gone = [this] { return lost(); };
    auto losing = until_unwanted(std::move(gone));
    co_await (std::move(work) || std::move(losing));
}

core::awaitable<void> cycle_runner::rest(core::steady_time when) {
    using namespace core::asio::experimental::awaitable_operators;
    const core::deadline until{when};
    const core::steady_time due = std::max(when, clock_now());
    run_control* const control = turn_->control;
    if (control == nullptr) {
        co_await bell_.wait(until);
    } else {
        co_await (bell_.wait(until) || control->bell().wait(until));
    }
    parts_.learned->late.woke(due, clock_now());
    fsm_.see(signs());
    fsm_.on_rested(clock_now());
}

void cycle_runner::write(const act::note& what) const {
    const std::string& run = fsm_.request().id;
    switch (what.how) {
        case act::note::level::debug:
            telemetry::log().debug("run {}: {}", run, what.text);
            break;
        case act::note::level::info:
            telemetry::log().info("run {}: {}", run, what.text);
            break;
        case act::note::level::warn:
            telemetry::warn(what.text, "run {}: {}", run, what.text);
            break;
    }
}

}  // namespace corral::engine::ax_poll
