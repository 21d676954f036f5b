#include "year/clients.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>
#include <variant>

namespace corral::year {

using core::seconds;
using std::chrono::hours;
using std::chrono::minutes;

namespace {

constexpr minutes request_deadline{30};
constexpr double prompt_seconds = 1.5;
constexpr double token_seconds = 1.0 / 15;
constexpr std::size_t most_waiting = 32;

// 1 at noon, a quarter at midnight.
double use_of_the_day(core::steady_time now) {
    const double day = core::as_seconds(now.time_since_epoch()) / 86400;
    return 0.625 - 0.375 * std::cos(2 * std::numbers::pi * day);
}

}  // namespace

clients::clients(const box_plan& plan, timeline& time, box& at, figures& out)
    : plan_(plan),
      time_(time),
      box_(at),
      out_(out),
      dice_(plan.seed, 3),
      quarantine_({1, 2}, plan.quarantine),
      decay_(plan.profile->clocks.renew_after) {}

void clients::begin() {
    const core::nanoseconds pause = times(plan_.fails.between_requests, 1 / use_of_the_day(time_.now()));
    time_.after(dice_.about(pause), [this] {
        request what;
        what.prompt = ++prompts_;
        what.streams = dice_.chance(0.7);
        what.tokens = std::min(core::as_seconds(dice_.about(seconds{200})) + 16, 2000.0);
        ask(std::move(what));
        begin();
    });
}

void clients::begin_deadly_job(core::nanoseconds span) {
    const core::nanoseconds pause = dice_.between(seconds{30}, minutes{5});
    repeat_deadly_job(++prompts_, pause, time_.now() + span);
}

void clients::repeat_deadly_job(generation::prompt_mark prompt, core::nanoseconds pause,
                                core::steady_time end) {
    request what;
    what.prompt = prompt;
    what.deadly = true;
    ask(std::move(what));
    if (time_.now() < end) {
        time_.after(pause, [this, prompt, pause, end] { repeat_deadly_job(prompt, pause, end); });
    }
}

bool clients::is_refused(const request& what) {
    const auto harm = quarantine_.find(what.prompt, box_.outside_faults(), time_.now());
    return harm && generation::before_run(*harm, {}, time_.now());
}

void clients::ask(request what) {
    if (!box_.powered()) {
        return;  // nobody is there to ask
    }
    const bool already =
        std::ranges::any_of(waiting_, [&](const request& each) { return each.prompt == what.prompt; });
    if (what.deadly && (already || (running_ && running_->prompt == what.prompt))) {
        return;
    }
    out_.asked += what.deadly ? 0 : 1;
    if (is_refused(what) || box_.broken() || waiting_.size() >= most_waiting) {
        return fails(what);
    }
    what.arrived = time_.now();
    what.until = time_.now() + request_deadline;
    waiting_.push_back(std::move(what));
    time_.at(waiting_.back().until, [this] { on_change(); });
    next();
}

void clients::fails(const request& what) {
    out_.lost += what.deadly ? 0 : 1;
}

void clients::on_change() {
    if (!box_.powered()) {
        // They see the box go, and ask again when it is back.
        waiting_.clear();
        running_.reset();
        quarantine_.forget();
        was_powered_ = false;
        return;
    }
    if (!was_powered_) {
        was_powered_ = true;
        decay_ = engine::decay_policy(plan_.profile->clocks.renew_after);
        judged_ = 0;
    }
    if (running_ && (!box_.ready() || box_.starts() != server_)) {
        lost();
    }
    std::erase_if(waiting_, [this](const request& each) {
        const bool over = box_.broken() || time_.now() >= each.until;
        if (over) {
            fails(each);
        }
        return over;
    });
    next();
}

double clients::seconds_a_token() const {
    constexpr double two_hours = 7200;
    constexpr double at_last = 15;  // times as long
    const double steps = two_hours / token_seconds / std::log(at_last);
    const double age = core::as_seconds(time_.now() - young_);
    switch (plan_.fails.decays) {
        case decay::none:
            return token_seconds;
        case decay::by_age:
            return token_seconds * std::min(std::pow(at_last, age / two_hours), at_last);
        case decay::by_use:
            return token_seconds / std::max(1 - tokens_ / steps, 1 / at_last);
    }
    return token_seconds;
}

void clients::next() {
    while (!running_ && box_.ready() && !waiting_.empty()) {
        request what = std::move(waiting_.front());
        waiting_.pop_front();
        if (is_refused(what)) {
            fails(what);
            continue;
        }
        if (judged_ != box_.starts()) {
            judged_ = box_.starts();
            young_ = time_.now();
            tokens_ = 0;
            decay_.began();
        }
        ++what.standing.tries;
        out_.deadly_runs += what.deadly ? 1 : 0;
        server_ = box_.starts();
        began_ = last_ = time_.now();
        const double takes = what.deadly ? prompt_seconds : prompt_seconds + what.tokens * seconds_a_token();
        const bool deadly = what.deadly;
        running_ = std::move(what);
        const auto still = [this, run = ++run_] { return running_ && run_ == run; };
        if (box_.hung()) {
            // The clock of the first text runs out.
            time_.after(plan_.profile->clocks.prefill_base, [this, still] {
                if (still()) {
                    box_.restart_runtime(supervisor::restart_reason::hang, true);
                }
            });
            return;
        }
        time_.after(times(seconds{1}, takes), [this, still, deadly] {
            if (!still()) {
                return;
            }
            if (deadly) {
                box_.runtime_dies();
            } else if (box_.hung()) {
                time_.after(plan_.profile->clocks.decode_stall, [this, still] {
                    if (still()) {
                        box_.restart_runtime(supervisor::restart_reason::hang, true);
                    }
                });
            } else {
                answered();
            }
        });
    }
}

// The runtime died or was killed beneath it.
void clients::lost() {
    request what = *std::exchange(running_, std::nullopt);
    last_ = time_.now();
    engine::run_outcome outcome;
    outcome.failure.emplace();
    outcome.failure->kind = chat::failure_kind::runtime_failed;
    outcome.failure->retryable = true;
    outcome.loss.what = box_.hung() ? engine::run_loss::how::hung : engine::run_loss::how::died;
    const std::uint64_t stand = box_.outside_faults();
    quarantine_.note(what.prompt, outcome.loss, stand, time_.now());
    what.own.note({}, outcome.loss, stand, time_.now());
    const auto all = quarantine_.find(what.prompt, stand, time_.now());
    const auto own = what.own.find({}, stand, time_.now());
    what.standing.harm = all.value_or(generation::prompt_record{});
    if (own && own->losses > what.standing.harm.losses) {
        what.standing.harm = *own;
    }
    what.standing.gone_out =
        !what.deadly && what.streams && time_.now() - began_ > times(seconds{1}, prompt_seconds);
    what.standing.deadline_passed = time_.now() >= what.until;
    const auto end = generation::after_run(what.standing, {}, outcome);
    if (std::holds_alternative<generation::run_again>(end)) {
        waiting_.push_front(std::move(what));
    } else {
        fails(what);
    }
}

void clients::answered() {
    const request what = *std::exchange(running_, std::nullopt);
    last_ = time_.now();
    quarantine_.pardon(what.prompt);
    tokens_ += what.tokens;
    const double usual = prompt_seconds + what.tokens * token_seconds;
    out_.waited += (core::as_seconds(time_.now() - what.arrived) - usual) / 3600;
    const double decode = core::as_seconds(time_.now() - began_) - prompt_seconds;
    decay_.ran({static_cast<std::uint32_t>(what.tokens), 1024, times(seconds{1}, decode)}, time_.now());
    if (renewing_ && decay_.is_overdue(time_.now())) {
        renew();
    } else if (!renewing_ && decay_.wants_renewal(time_.now())) {
        renewing_ = true;
        renew_when_idle();
    }
    next();
}

// As decay_watch.
void clients::renew_when_idle() {
    const core::steady_time due = (busy() ? time_.now() : last_) + decay_.idle();
    if (!decay_.wants_renewal(time_.now())) {
        renewing_ = false;
    } else if (due > time_.now()) {
        time_.at(due, [this] { renew_when_idle(); });
    } else {
        renewing_ = false;
        renew();
    }
}

void clients::renew() {
    if (box_.ready()) {
        decay_.renews(time_.now());
        ++out_.renewals;
        box_.restart_runtime(supervisor::restart_reason::asked);
    }
}

}  // namespace corral::year
