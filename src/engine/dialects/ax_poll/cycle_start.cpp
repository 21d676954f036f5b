// From an unknown runtime to an accepted prompt: encode, drain, reset, confirm, generate.
#include <algorithm>
#include <utility>

#include "corral/core/say.hpp"
#include "engine/dialects/ax_poll/context_policy.hpp"
#include "engine/dialects/ax_poll/cycle_fsm.hpp"
#include "engine/streaming/request_fields.hpp"

namespace corral::engine::ax_poll {

namespace {

using namespace std::chrono_literals;

constexpr int most_resets = 3;
constexpr core::seconds encode_limit{60};     // a tokenizer service starts again in this time
constexpr core::nanoseconds line_delay = 1s;  // of a terminal on a starved box
}  // namespace

chat::rendered_prompt without_reset(chat::rendered_prompt prompt) {
    if (!prompt.verbatim) {
        prompt.turns = streaming::single_message(prompt);
        prompt.system.clear();
    }
    return prompt;
}

void cycle_fsm::start_attempt() {
    ++run_.attempts;
    run_.resets = 0;
    state_ = encoding{};
}

void cycle_fsm::decide(encoding& /*in*/) {
    const bool encoded = run_.ids || reuse_.counted();
    const bool can_encode = signs_.tapped && settings_.can_encode;
    const bool verbatim = run_.what.prompt.verbatim;
    if (!encoded) {
        reuse_.allow(can_encode && signs_.reuses && known(signs_.sizes) && !settings_.keeps_nothing);
    }
    if (encoded || (!verbatim && !reuse_.on())) {
        drain();
    } else if (!can_encode) {
        encode_failed(core::make_failure(core::errc::refused, core::say("request.verbatim/model-run")));
    } else if (!interrupted()) {
        const bool composes = reuse_.composes(run_.what.prompt, run_.what.owner, signs_);
        ask(act::encode{core::deadline::after(encode_limit, now_).sooner(run_.what.until), composes});
    }
}

void cycle_fsm::on_encoded(core::result<token_ids> ids, core::steady_time now) {
    now_ = now;
    if (!answers<act::encode>() || interrupted()) {
        return;
    }
    if (ids) {
        take_ids(std::move(*ids));
    } else {
        encode_failed(ids.error());
    }
}

void cycle_fsm::drain() {
    polling_.settle(polling_fsm::stops::seen_running, false, now_);
    state_ = draining{core::deadline::after(settings_.clocks.scrub, now_)};
}

void cycle_fsm::decide(draining& in) {
    if (interrupted()) {
        return;
    }
    if (in.looked && polling_.idle()) {
        prepare();
    } else if (in.until.passed(now_)) {
        fail_and_restart(core::say("runtime.foreign-talk/runtime-still"));
    } else {
        step_to_idle(in.until);
    }
}

// The one place that decides in what the prompt is put. The runtime is idle here, confirmed, and empty of text. It is
// reset, unless it keeps no conversation, or what it holds is known to the id and begins this very prompt.
void cycle_fsm::prepare() {
    if (settings_.keeps_nothing) {
        generate();
    } else if (run_.ahead) {
        put_ahead();
    } else if (reuse_.on()) {
        put_into_cache();
    } else {
        reuse_.forget();
        run_.progress.start = to_string(reset_reason::off);
        reset();
    }
}

void cycle_fsm::put_into_cache() {
    reuse_fsm::start start = reuse_.plan(report_, signs_, run_.what.owner);
    if (start.how == reuse_fsm::way::too_long) {
        context_full(static_cast<std::uint32_t>(reuse_.whole().size()));
        return;
    }
    if (start.how == reuse_fsm::way::anew) {
        run_.ids.reset();
        state_ = encoding{};
        return;
    }
    const std::size_t held = start.ids.held.size();
    run_.ids = std::move(start.ids);
    run_.progress.usage.cached_tokens = static_cast<std::uint32_t>(held);
    run_.progress.start = start.why;
    if (start.how == reuse_fsm::way::reset) {
        tell_debug(std::string("the cache is emptied, reason: ") + start.why);
        reset();
        return;
    }
    tell_debug("goes on behind " + std::to_string(held) + " tokens of the cache");
    run_.progress.reset_confirmed = now_;
    run_.strays = signs_.tap.strays;
    generate();
}

void cycle_fsm::put_ahead() {
    if (!signs_.tapped || !signs_.reuses) {
        end(run_end::cancelled);
        return;
    }
    run_.ids = reuse_.plan_ahead(signs_);
    tell_debug(std::to_string(reuse_.whole().size()) + " tokens of the next prompt are computed ahead");
    reset();
}

void cycle_fsm::reset() {
    ++run_.resets;
    state_ = asking_reset{core::deadline::after(settings_.clocks.reset, now_)};
}

void cycle_fsm::decide(asking_reset& /*in*/) {
    if (interrupted()) {
        return;
    }
    polling_.on_call(now_);
    last_work_ = work::reset;
    run_.strays = signs_.tap.strays;
    run_.prompt_inside = true;
    reuse_.forget();
    lines_.begin(!signs_.tapped);
    ask(act::reset{});
}

void cycle_fsm::on_reset(const core::result<control_reply>& got, core::steady_time now) {
    now_ = now;
    if (!answers<act::reset>()) {
        return;
    }
    const asking_reset asked = std::get<asking_reset>(state_);
    if (!got) {
        call_failed("reset", got.error());
    } else if (got->verdict == control_verdict::accepted) {
        confirm();
    } else if (got->verdict == control_verdict::refused) {
        fail(chat::failure_kind::runtime_failed, core::say("runtime.refused/runtime", got->status));
    } else if (asked.until.passed(now_)) {
        fail_and_restart(core::say("runtime.refused/stayed-busy"));
    } else {
        back_off(work::reset, asked.until, asked.tries);
    }
}

void cycle_fsm::confirm() {
    run_.reset_sent = moment_of_now();
    run_.reset_until = core::deadline::after(learned_.reset.limit(size_of_system()), now_);
    polling_.settle(polling_fsm::stops::never, false, now_);
    state_ = confirming{};
}

void cycle_fsm::decide(confirming& in) {
    if (polling_.idle()) {
        if (!awaits_reset_line(in)) {
            confirmed();
        } else if (!interrupted()) {
            ask(act::rest{in.line_by});
        }
        return;
    }
    if (interrupted() || reset_stalled()) {
        return;
    }
    if (!signs_.tapped && lines_.reset_begun() && !names_a_reset(run_.what.prompt.system)) {
        polling_.on_begun(now_);
    }
    step_to_idle(run_.what.until);
}

bool cycle_fsm::awaits_reset_line(confirming& in) const {
    if (signs_.tapped || !lines_.reset_line_missing()) {
        return false;
    }
    if (in.line_by == core::steady_time{}) {
        in.line_by = now_ + line_delay;
    }
    return now_ < in.line_by;
}

core::steady_time cycle_fsm::run_line_due() const {
    return run_.progress.generate_accepted + line_delay;
}

// Idle after a reset. Never believed where it was not seen to run: the prompt would stand behind the conversation of
// somebody else.
void cycle_fsm::confirmed() {
    const bool empty =
        run_.ids && run_.ids->system.empty();  // takes no time that a longer one could be known by
    if (!polling_.by_grace()) {
        run_.reset_took = silence_since(run_.reset_sent);
    }
    if (!polling_.by_grace() && !empty) {
        run_.pace.note(run_.reset_took, learned_.reset.limit(size_of_system()));
        learned_.reset.observe(size_of_system(), run_.reset_took);
    }
    if (signs_.tapped) {
        if (signs_.tap.foreign_ids) {
            foreign_ids();
            return;
        }
        if (signs_.tap.reset_failed) {
            no_reset_tokens();
            end(run_end::failed);
            return;
        }
        if (signs_.tap.reset_too_long) {
            context_full(signs_.tap.system_tokens);
            return;
        }
    } else if (lines_.said("]: reset failed, status")) {
        // The system prompt of the request before is in force still (docs/facts/vendor_ax.md#failures, F8).
        no_reset_tokens();
        retry();
        return;
    }
    const bool printed_right = lines_.learn_reset();
    const bool seen = signs_.tapped ? signs_.tap.reset_begun : !polling_.by_grace() && printed_right;
    if (seen) {
        run_.progress.reset_confirmed = now_;
        if (run_.ahead) {
            reuse_.on_computed_ahead(run_.what.owner);
            run_.ended_by_itself = true;
            end(run_end::stop);
            return;
        }
        reuse_.on_reset(run_.what.owner);
        generate();
        return;
    }
    tell(act::note::level::warn, core::say("runtime.refused/unseen-reset"));
    if (run_.resets < most_resets) {
        reset();
    } else {
        fail_and_restart(core::say("runtime.refused/runtime-accepts"));
    }
}

// ---- from an empty runtime to an accepted prompt

void cycle_fsm::generate() {
    state_ = asking_generate{core::deadline::after(settings_.clocks.reset, now_)};
}

// Since the reset the runtime has worked for somebody else, so this prompt would stand behind another.
void cycle_fsm::begin_anew() {
    reuse_.forget();
    if (run_.resets < most_resets) {
        drain();
        return;
    }
    set_failure(chat::failure_kind::runtime_failed, core::say("runtime.foreign-talk/runtime-gave"));
    retry();
}

void cycle_fsm::decide(asking_generate& /*in*/) {
    if (interrupted()) {
        return;
    }
    if (signs_.tapped && signs_.tap.strays != run_.strays) {
        begin_anew();
        return;
    }
    polling_.on_call(now_);
    last_work_ = work::run;
    // A prompt is printed word for word, so one that has these words makes the runtime's own line worthless.
    lines_.begin(!signs_.tapped && !names_a_failed_encode(run_.what.prompt.turns));
    run_.prompt_inside = true;
    reuse_.on_sent(run_.ids ? run_.ids->held.size() : 0, signs_);
    intrusion_.begin_run();
    report_.begin();
    ask(act::generate{});
}

void cycle_fsm::on_generated(const core::result<control_reply>& got, core::steady_time now) {
    now_ = now;
    if (!answers<act::generate>()) {
        return;
    }
    const asking_generate asked = std::get<asking_generate>(state_);
    if (!got) {
        call_failed("generate", got.error());
    } else if (got->verdict == control_verdict::accepted) {
        follow();
    } else if (got->verdict == control_verdict::refused) {
        fail(chat::failure_kind::runtime_failed, core::say("runtime.refused/refused", got->status));
    } else if (asked.until.passed(now_)) {
        fail_and_restart(core::say("runtime.refused/runtime-stayed"));
    } else {
        back_off(work::run, asked.until, asked.tries);
    }
}

void cycle_fsm::back_off(work then, core::deadline until, unsigned tries) {
    const core::nanoseconds pause = std::min<core::nanoseconds>(2ms * (1U << std::min(tries, 6U)), 100ms);
    state_ = backing_off{then, until, tries + 1, now_ + pause};
}

void cycle_fsm::decide(backing_off& in) {
    if (interrupted()) {
        return;
    }
    if (!in.looked) {
        poll_or_rest(now_ >= in.again, in.again);
    } else if (in.must_stop) {
        take_step({polling_fsm::kind::stop, {}});
    } else if (in.then == work::reset) {
        state_ = asking_reset{in.until, in.tries};
    } else if (!settings_.keeps_nothing) {
        begin_anew();
    } else {
        state_ = asking_generate{in.until, in.tries};
    }
}

}  // namespace corral::engine::ax_poll
