#include "engine/dialects/ax_poll/cycle_fsm.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "corral/core/say.hpp"

namespace corral::engine::ax_poll {

namespace {

using namespace std::chrono_literals;

constexpr int most_attempts = 3;
constexpr core::nanoseconds repair_limit = 20s;
constexpr core::nanoseconds examine_limit = 10s;

}  // namespace

cycle_fsm::cycle_fsm(cycle_settings settings, cycle_clocks& learned, core::steady_time now)
    : settings_(settings),
      learned_(learned),
      now_(now),
      polling_(settings_.clocks.idle_grace, settings_.poll_interval) {
    on_new_process(now);
}

void cycle_fsm::begin(run_spec spec, bool may_restart, core::steady_time now) {
    now_ = now;
    run_ = run_state{};
    reuse_.begin();
    intrusion_.begin_turn();
    run_.what = std::move(spec);
    run_.may_restart = may_restart;
    if (settings_.keeps_nothing) {
        run_.what.prompt = without_reset(std::move(run_.what.prompt));
    }
    start_attempt();
}

void cycle_fsm::begin_rest(core::deadline until, core::steady_time now) {
    now_ = now;
    run_ = run_state{};
    reuse_.begin();
    intrusion_.begin_turn();
    scrub(scrub_for::a_stop, true, until);
}

void cycle_fsm::begin_ahead(token_ids ids, std::string owner, core::deadline until, core::steady_time now) {
    now_ = now;
    run_ = run_state{};
    run_.what.id = "ahead";
    run_.what.owner = std::move(owner);
    run_.what.until = until;
    run_.what.expendable = true;
    run_.ahead = true;
    reuse_.begin_ahead(std::move(ids));
    intrusion_.begin_turn();
    start_attempt();
}

void cycle_fsm::abandon() {
    due_.clear();
    asked_ = std::variant_npos;
    state_ = resting{};
    run_ = run_state{};
    lines_.end();
    suspect_ = true;
    reuse_.begin();
    reuse_.lose();
    intrusion_.begin_turn();
}

void cycle_fsm::see(cycle_signs signs) {
    signs_ = std::move(signs);
    if (!signs_.tapped) {
        return;
    }
    // A reset that was seen to begin says nothing about the prompt behind it.
    if (last_work_ == work::run && signs_.tap.run_begun) {
        polling_.on_begun(signs_.tap.run_begun_at);
    } else if (last_work_ == work::reset && signs_.tap.reset_begun) {
        polling_.on_begun(signs_.tap.reset_begun_at);
    }
}

cycle_action cycle_fsm::next(core::steady_time now) {
    now_ = now;
    while (due_.empty()) {
        std::visit([this](auto& in) { decide(in); }, state_);
    }
    cycle_action out = std::move(due_.front());
    due_.pop_front();
    asked_ = out.index();
    return out;
}

// ---- poll, feed, rest

void cycle_fsm::poll_or_rest(bool due, core::steady_time when) {
    if (!due) {
        ask(act::rest{when});
        return;
    }
    ask(act::poll{});
}

void cycle_fsm::take_step(const polling_fsm::step& step) {
    if (step.what == polling_fsm::kind::stop) {
        reuse_.on_stop_sent(signs_);
        ask(act::stop{});
    } else {
        poll_or_rest(step.what == polling_fsm::kind::poll, step.until);
    }
}

// Of a runtime that is to become idle.
void cycle_fsm::step_to_idle(core::deadline until) {
    take_step(polling_.to_idle(now_, until.at(), reuse_.waits_for_piece(signs_, now_)));
}

void cycle_fsm::on_polled(core::steady_time sent, const core::result<poll_answer>& got,
                          core::steady_time now) {
    now_ = now;
    if (!answers<act::poll>()) {
        return;
    }
    if (!got) {
        if (auto* const in = std::get_if<scrubbing>(&state_)) {
            polling_.on_failed_poll(sent, now_);
            // A runtime that is being stopped closes its port before it ends.
            in->given_up = signs_.lost == process_epochs::loss::stopping;
            return;
        }
        call_failed("a poll", got.error());
        return;
    }
    polling_.on_answer(sent, got->done, !got->text.empty());
    if (auto* const followed = std::get_if<following>(&state_)) {
        on_followed(*followed, sent, *got);
        return;
    }
    polling_.on_polled(sent, now_, !got->text.empty(), got->done);
    if (auto* const drained = std::get_if<draining>(&state_)) {
        drained->looked = true;
        if (!got->done || !got->text.empty()) {
            reuse_.forget();  // it is unknown of whom
        }
        if (!got->text.empty()) {
            tell(act::note::level::info, core::say("runtime.protocol/earlier-text", got->text.size()));
        }
    } else if (std::holds_alternative<confirming>(state_)) {
        if (polling_.begun() && got->done) {
            polling_.look_again();
        }
    } else if (std::holds_alternative<scrubbing>(state_)) {
        if (!reuse_.in_flight() && (!got->done || !got->text.empty())) {
            reuse_.forget();
        }
        if (!got->text.empty()) {
            run_.last_sign_of_life = moment_of_now();
        }
    } else if (auto* const waited = std::get_if<backing_off>(&state_)) {
        waited->looked = true;
        // Perhaps an earlier prompt that began late: no request waits for its answer. A reset does not mind.
        waited->must_stop = !got->done;
    } else if (auto* const late = std::get_if<concluding>(&state_)) {
        ++late->late_polls;
        late->next = core::steady_time{};
        run_.full_text_held = got->text == context_full_text;
    }
}

void cycle_fsm::on_rested(core::steady_time now) {
    now_ = now;
    if (answers<act::rest>()) {
        polling_.look_again();
    }
}

void cycle_fsm::on_stopped(const core::result<control_reply>& got, core::steady_time now) {
    now_ = now;
    if (!answers<act::stop>()) {
        return;
    }
    reuse_.on_stopped(got.has_value(), signs_);
    polling_.on_stop(reuse_.stopped_safely(), now_);
    if (!got && std::holds_alternative<scrubbing>(state_)) {
        tell_debug("stop failed: " + got.error().message);
    } else if (!got) {
        call_failed("stop", got.error());
    } else if (std::holds_alternative<following>(state_)) {
        polling_.on_sign(now_);
    } else if (auto* const in = std::get_if<backing_off>(&state_)) {
        in->must_stop = false;
    }
}

// ---- back to an idle runtime

void cycle_fsm::end(run_end how) {
    note_usage();
    run_outcome out;
    out.end = how;
    out.progress = run_.progress;
    out.loss = run_.loss;
    if (how == run_end::stop || how == run_end::length) {
        learned_.lesson.went_well();
    }
    if (how == run_end::failed) {
        out.failure = run_.failure;
        reuse_.doubt();
    }
    reuse_.on_end((how == run_end::stop || how == run_end::length) && signs_.text_is_whole);
    lines_.end();
    suspect_ = how != run_end::stop;
    state_ = ended{};
    ask(act::tell_end{std::move(out)});
}

// An attempt failed in a way that another may not. The runtime has to be idle first.
void cycle_fsm::retry() {
    lines_.end();
    if (run_.attempts == most_attempts || run_.text_given) {
        end(run_end::failed);
        return;
    }
    tell(act::note::level::warn, run_.failure->message.led_to_by(core::say("run.again/trying")));
    scrub(scrub_for::another_try, true, core::deadline::after(settings_.clocks.scrub, now_));
}

void cycle_fsm::decide(ended& /*in*/) {
    if (signs_.lost != process_epochs::loss::none) {
        over(false);
        return;
    }
    if (run_.doubts_tokenizer) {
        run_.doubts_tokenizer = false;
        ask(act::examine_tokenizer{core::deadline::after(examine_limit, now_)});
        return;
    }
    if (run_.restart_cause && run_.may_restart) {
        ask(act::restart{run_.restart_pair, *run_.restart_cause, run_.restart_why});
        over(false);
        return;
    }
    core::deadline until = core::deadline::after(settings_.clocks.scrub, now_);
    if (until.at() < run_.reset_until.at() && run_.progress.reset_confirmed == core::steady_time{}) {
        until = run_.reset_until;  // a reset can't be interrupted, and loading the model anew takes longer
    }
    scrub(scrub_for::the_next_borrower, !run_.ended_by_itself, until);
}

void cycle_fsm::scrub(scrub_for what, bool stops, core::deadline until) {
    using polls = polling_fsm::stops;
    const polls how = polling_.idle() ? polls::seen_running : polls::at_once;
    polling_.settle(stops ? how : polls::never, reuse_.stopped_safely(), now_);
    if (what == scrub_for::another_try) {
        reuse_.doubt();
    }
    if (stops && !polling_.idle()) {
        reuse_.wait_for_piece(run_.what.expendable || signs_.left, signs_, now_);
    }
    state_ = scrubbing{what, until, stops, false, moment_of_now()};
}

void cycle_fsm::decide(scrubbing& in) {
    const bool lost =
        signs_.lost != process_epochs::loss::none && signs_.lost != process_epochs::loss::stopping;
    if (polling_.idle()) {
        reuse_.conclude(run_.what.prompt, settings_.closing, run_.full_text_held, report_, signs_);
        scrubbed(true);
    } else if (lost || in.given_up || in.until.passed(now_) || stands_still(in)) {
        reuse_.forget();
        scrubbed(false);
    } else {
        step_to_idle(in.until);
    }
}

void cycle_fsm::scrubbed(bool idle) {
    const core::reason stuck = core::say("runtime.hung/not-idle");
    const scrubbing in = std::get<scrubbing>(state_);
    const scrub_for what = in.what;
    if (what == scrub_for::a_stop) {
        over(idle);
    } else if (what == scrub_for::another_try && idle) {
        run_.failure.reset();
        start_attempt();
    } else if (what == scrub_for::another_try) {
        run_.restart_cause = stuck;
        end(run_end::failed);
    } else if (idle && signs_.tapped) {
        state_ = repairing{};
    } else {
        if (!idle && signs_.lost == process_epochs::loss::none) {
            const bool works = moved_since(in.began);
            if (!works && run_.progress.prompt_accepted) {
                note_hang(stuck);
            }
            ask(act::restart{false, stuck,
                             works ? supervisor::restart_reason::cancel : supervisor::restart_reason::hang});
        } else if (!idle && signs_.runtime_fell && run_.prompt_inside) {
            run_.loss = {run_loss::how::died, false, signs_.loss_text};
        }
        over(idle);
    }
}

void cycle_fsm::decide(repairing& /*in*/) {
    ask(act::repair_tap{core::deadline::after(repair_limit, now_)});
}

void cycle_fsm::on_repaired(core::steady_time now) {
    now_ = now;
    if (answers<act::repair_tap>()) {
        over(true);
    }
}

void cycle_fsm::on_examined(core::steady_time now) {
    now_ = now;
    (void)answers<act::examine_tokenizer>();
}

void cycle_fsm::over(bool idle) {
    state_ = resting{};
    ask(act::finish{idle, run_.loss});
}

void cycle_fsm::decide(resting& /*in*/) {
    ask(act::finish{polling_.idle(), {}});
}

// ---- signs from outside

bool cycle_fsm::on_output(std::string_view bytes, core::steady_time now) {
    now_ = now;
    if (signs_.tapped) {
        report_.feed(bytes);
    }
    if (std::holds_alternative<owing>(state_) || intrusion_.place_waits()) {
        return true;
    }
    lines_.feed(bytes);
    if (!signs_.tapped && std::holds_alternative<confirming>(state_) && polling_.idle()) {
        return true;
    }
    auto* const in = std::get_if<following>(&state_);
    if (in == nullptr || (signs_.tapped && signs_.tap.pieces_answered <= in->pieces_seen)) {
        return false;  // with the tap, only an answered piece can be followed by text
    }
    polling_.on_sign(now_);
    return true;
}

void cycle_fsm::on_tap_event(core::steady_time now) {
    now_ = now;
    auto* const in = std::get_if<following>(&state_);
    if (in == nullptr) {
        return;
    }
    const std::uint32_t answered = signs_.tap.pieces_answered;
    if (signs_.final_seen && !in->final_heard) {
        in->final_heard = true;
        polling_.on_ending(now_);
    } else if (answered != in->answers_heard && signs_.tap.calls_open <= 1) {
        polling_.on_answered(now_);
    }
    in->answers_heard = answered;
}

void cycle_fsm::on_new_process(core::steady_time now) {
    // Nothing was sent to it yet, so two empty polls are proof enough.
    now_ = now;
    polling_.on_call(now_);
    polling_.on_begun(now_);
    last_work_ = work::none;
    suspect_ = false;
    report_.on_new_process();
    lines_.on_new_process();
    reuse_.lose();
    intrusion_.on_new_process();
}

// ---- small parts

void cycle_fsm::ask(cycle_action action) {
    due_.push_back(std::move(action));
}

void cycle_fsm::tell(act::note::level how, core::reason text) {
    due_.emplace_back(act::note{how, std::move(text)});
}

void cycle_fsm::tell_debug(std::string text) {
    tell(act::note::level::debug, core::reason::unlisted(std::move(text)));
}

const char* cycle_fsm::state_name() const noexcept {
    static constexpr std::array<const char*, std::variant_size_v<state>> names{
        "resting",   "encoding",   "draining", "asking_reset", "confirming", "asking_generate", "backing_off",
        "following", "concluding", "owing",    "noticing",     "ended",      "scrubbing",       "repairing"};
    return names.at(state_.index());
}

}  // namespace corral::engine::ax_poll
