#include "corral/boxes/rolling_upgrade.hpp"

#include <algorithm>
#include <utility>

#include "corral/core/text.hpp"

namespace corral::boxes {

namespace {

using kind = upgrade_action::kind;

std::string seconds_text(core::milliseconds span) {
    return std::to_string(std::chrono::duration_cast<core::seconds>(span).count()) + " s";
}

std::vector<std::string> missing_of(const std::vector<std::string>& wanted,
                                    const std::vector<std::string>& there) {
    std::vector<std::string> out;
    std::ranges::copy_if(wanted, std::back_inserter(out), [&](const std::string& name) {
        return std::ranges::find(there, name) == there.end();
    });
    return out;
}

}  // namespace

const char* to_string(upgrade_step step) noexcept {
    switch (step) {
        case upgrade_step::untouched:
            return "untouched";
        case upgrade_step::draining:
        case upgrade_step::emptying:
            return "draining";
        case upgrade_step::changing:
            return "changing";
        case upgrade_step::waking:
            return "waking";
        case upgrade_step::undraining:
        case upgrade_step::giving_back:
            return "undraining";
        case upgrade_step::done:
            return "done";
        case upgrade_step::failed:
            break;
    }
    return "failed";
}

rolling_upgrade::rolling_upgrade(std::size_t boxes, upgrade_rules rules)
    : rules_(rules), told_(boxes), state_(boxes) {}

bool rolling_upgrade::under_way(std::size_t box) const {
    const upgrade_step step = told_[box].step;
    return step != upgrade_step::untouched && step != upgrade_step::done && step != upgrade_step::failed;
}

bool rolling_upgrade::over() const {
    if (!looked_) {
        return false;
    }
    const auto waits = [](const upgraded_box& one) { return one.step == upgrade_step::untouched; };
    for (std::size_t box = 0; box < told_.size(); ++box) {
        if (under_way(box)) {
            return false;
        }
    }
    return stopping_ || std::ranges::none_of(told_, waits);
}

bool rolling_upgrade::succeeded() const {
    return std::ranges::all_of(told_, [](const upgraded_box& one) { return one.step == upgrade_step::done; });
}

void rolling_upgrade::enter(std::size_t box, upgrade_step step, core::steady_time now) {
    told_[box].step = step;
    state_[box].since = now;
    state_[box].quiet = false;
}

void rolling_upgrade::fail(std::size_t box, std::string why) {
    told_[box].step = upgrade_step::failed;
    told_[box].why = std::move(why);
    stopping_ = true;
}

// To the balancer, for nothing on it was changed. `why`: it counts as failed; empty: it is as it was.
void rolling_upgrade::give_back(std::size_t box, std::string why, core::steady_time now, actions& out) {
    stopping_ = true;
    told_[box].why = std::move(why);
    enter(box, upgrade_step::giving_back, now);
    out.push_back({kind::undrain, box});
}

void rolling_upgrade::start_more(core::steady_time now, actions& out) {
    std::size_t busy = 0;
    for (std::size_t box = 0; box < told_.size(); ++box) {
        busy += under_way(box) ? 1 : 0;
    }
    for (std::size_t box = 0; box < told_.size() && busy < rules_.max_unavailable && !stopping_; ++box) {
        if (told_[box].step == upgrade_step::untouched) {
            enter(box, upgrade_step::draining, now);
            out.push_back({kind::drain, box});
            ++busy;
        }
    }
}

std::vector<upgrade_action> rolling_upgrade::begin(core::steady_time now) {
    actions out;
    for (std::size_t box = 0; box < told_.size(); ++box) {
        state_[box].look_under_way = true;
        state_[box].last_look = now;
        out.push_back({kind::look, box});
    }
    looked_ = told_.empty();
    return out;
}

// A fleet with a box that is away already has one less to spare.
void rolling_upgrade::judge_first_look() {
    looked_ = std::ranges::all_of(state_, [](const inner& one) { return one.seen_first; });
    stopping_ =
        stopping_ ||
        (looked_ && std::ranges::any_of(told_, [](const upgraded_box& one) { return !one.why.empty(); }));
}

std::vector<upgrade_action> rolling_upgrade::on_seen(std::size_t box, const box_sight& seen,
                                                     core::steady_time now) {
    actions out;
    inner& of = state_[box];
    of.look_under_way = false;
    if (seen.answers) {
        told_[box].version = seen.version;
    }
    if (!looked_) {
        of.seen_first = true;
        of.ready_before = seen.ready;
        if (!seen.answers) {
            told_[box].why = "it does not answer: " + seen.why;
        } else if (seen.drained) {
            told_[box].why = "it is drained already; 'corral undrain' there, or leave it out";
        }
        judge_first_look();
        if (looked_) {
            start_more(now, out);
        }
        return out;
    }
    if (told_[box].step == upgrade_step::emptying) {
        judge_emptying(box, seen, now, out);
    } else if (told_[box].step == upgrade_step::waking) {
        judge_waking(box, seen, now, out);
    }
    return out;
}

void rolling_upgrade::judge_emptying(std::size_t box, const box_sight& seen, core::steady_time now,
                                     actions& out) {
    inner& of = state_[box];
    if (!seen.answers) {
        of.last_sight = "it does not answer: " + seen.why;
        of.quiet = false;
    } else if (!seen.drained) {
        // Somebody else gave it back, or it was restarted: it gets requests.
        fail(box, "it is not drained any more, and nothing on it was changed");
        told_[box].left_drained = false;
        return;
    } else if (seen.requests > 0) {
        of.last_sight = std::to_string(seen.requests) + " of its requests had not ended";
        of.quiet = false;
    } else if (!of.quiet) {
        of.quiet = true;
        of.quiet_since = now;
    }
    if (of.quiet && !stopping_ && now - of.quiet_since >= rules_.quiet) {
        enter(box, upgrade_step::changing, now);
        told_[box].changed = true;
        out.push_back({kind::change, box});
        return;
    }
    check_limits(box, now, out);
}

void rolling_upgrade::judge_waking(std::size_t box, const box_sight& seen, core::steady_time now,
                                   actions& out) {
    inner& of = state_[box];
    const std::vector<std::string> missing = missing_of(of.ready_before, seen.ready);
    if (!seen.answers) {
        of.last_sight = "it does not answer: " + seen.why;
    } else if (!missing.empty()) {
        of.last_sight = "not ready there: " + core::joined(missing);
    } else if (seen.drained) {
        enter(box, upgrade_step::undraining, now);
        out.push_back({kind::undrain, box});
        return;
    } else {
        told_[box].left_drained = false;
        enter(box, upgrade_step::done, now);
        start_more(now, out);
        return;
    }
    told_[box].left_drained = seen.answers ? seen.drained : told_[box].left_drained;
    check_limits(box, now, out);
}

void rolling_upgrade::check_limits(std::size_t box, core::steady_time now, actions& out) {
    const inner& of = state_[box];
    const core::nanoseconds spent = now - of.since;
    if (told_[box].step == upgrade_step::emptying && spent >= rules_.drain_limit) {
        give_back(box,
                  "it could not be emptied within " + seconds_text(rules_.drain_limit) + ": " + of.last_sight,
                  now, out);
    } else if (told_[box].step == upgrade_step::waking && spent >= rules_.ready_limit) {
        fail(box, "it did not serve again within " + seconds_text(rules_.ready_limit) + ": " + of.last_sight);
    }
}

std::vector<upgrade_action> rolling_upgrade::on_drained(std::size_t box, const std::string& failure,
                                                        core::steady_time now) {
    actions out;
    told_[box].left_drained = true;  // also after a failure: the answer alone may have been lost
    if (!failure.empty()) {
        give_back(box, "it could not be drained: " + failure, now, out);
    } else if (stopping_) {
        give_back(box, {}, now, out);
    } else {
        enter(box, upgrade_step::emptying, now);
    }
    return out;
}

std::vector<upgrade_action> rolling_upgrade::on_changed(std::size_t box, const std::string& failure,
                                                        core::steady_time now) {
    if (!failure.empty()) {
        fail(box, "the command failed: " + failure);
    } else {
        enter(box, upgrade_step::waking, now);
    }
    return {};
}

std::vector<upgrade_action> rolling_upgrade::on_undrained(std::size_t box, const std::string& failure,
                                                          core::steady_time now) {
    actions out;
    const bool was_changed = told_[box].step == upgrade_step::undraining;
    if (!failure.empty()) {
        const std::string before = told_[box].why.empty() ? "" : told_[box].why + "; ";
        fail(box, before + "it could not be undrained: " + failure);
        return out;
    }
    told_[box].left_drained = false;
    if (was_changed) {
        enter(box, upgrade_step::done, now);
        start_more(now, out);
    } else {
        enter(box, told_[box].why.empty() ? upgrade_step::untouched : upgrade_step::failed, now);
    }
    return out;
}

std::vector<upgrade_action> rolling_upgrade::on_tick(core::steady_time now) {
    actions out;
    for (std::size_t box = 0; box < told_.size(); ++box) {
        inner& of = state_[box];
        if (stopping_ && told_[box].step == upgrade_step::emptying) {
            give_back(box, {}, now, out);
            continue;
        }
        const bool watched =
            told_[box].step == upgrade_step::emptying || told_[box].step == upgrade_step::waking;
        if (watched && !of.look_under_way && now - of.last_look >= rules_.between_looks) {
            of.look_under_way = true;
            of.last_look = now;
            out.push_back({kind::look, box});
        }
    }
    return out;
}

std::vector<upgrade_action> rolling_upgrade::on_interrupt(core::steady_time now) {
    stopping_ = true;
    looked_ = true;
    return on_tick(now);
}

}  // namespace corral::boxes
