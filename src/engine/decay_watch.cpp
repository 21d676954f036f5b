#include "engine/decay_watch.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "corral/core/say.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::engine {

std::string warning_of(const speed_report& seen) {
    return seen.slower > 0 && !seen.renewal_helps
               ? core::say("runtime.slower/useless", fmt::format("{:.1f}", seen.slower)).text()
               : std::string();
}

// What the task that waits shares with its owner.
struct decay_watch::state {
    state(supervisor::supervisor_context with, std::string named, std::string service,
          core::nanoseconds slow_for)
        : context(std::move(with)),
          label(std::move(named)),
          runtime(std::move(service)),
          policy(slow_for),
          bell(context.on) {}

    supervisor::supervisor_context context;
    std::string label;
    std::string runtime;
    decay_policy policy;
    core::wake_signal bell;  // the owner is going
    std::uint64_t starts = 0;
    bool waits = false;
    bool closed = false;
    bool told_useless = false;
};

decay_watch::decay_watch(supervisor::supervisor_context context, std::string label, std::string runtime,
                         core::nanoseconds slow_for)
    : state_(std::make_shared<state>(std::move(context), std::move(label), std::move(runtime), slow_for)) {}

decay_watch::~decay_watch() {
    state_->closed = true;
    state_->bell.ring();
}

decay_watch::run::run(decay_watch& of)
    : of_(of),
      begun_(of.state_->context.activity->begun()),
      alone_(of.state_->context.activity->alone_since(begun_)) {}

std::function<void(const run_outcome&)> decay_watch::run::on_end(
    std::function<void(const run_outcome&)> further) {
    return [this, further = std::move(further)](const run_outcome& how) {
        end_ = of_.state_->context.clock->now();
        if (further) {
            further(how);
        }
    };
}

void decay_watch::run::ended(const run_outcome& how, const std::shared_ptr<supervisor::group>& services) {
    state& of = *of_.state_;
    const core::steady_time now = of.context.clock->now();
    for (const supervisor::service_status& service : services->status()) {
        if (service.name == of.runtime && service.starts != of.starts) {
            of.starts = service.starts;
            of.policy.began();
        }
    }
    const bool whole = !how.failure && (how.end == run_end::stop || how.end == run_end::length);
    const bool alone = alone_ && of.context.activity->alone_since(begun_);
    if (!whole || !alone || end_ == core::steady_time{} || how.progress.first_text == core::steady_time{}) {
        return;
    }
    const chat::token_usage& seen = how.progress.usage;
    const core::nanoseconds took =
        how.progress.stages.decode.value_or(core::nanoseconds(end_ - how.progress.first_text));
    of.policy.ran({seen.generated_tokens, seen.prompt_tokens + seen.generated_tokens, took}, now);
    const speed_report report = of.policy.report();
    if (report.slower > 0 && !report.renewal_helps && !of.told_useless) {
        of.told_useless = true;
        telemetry::warn("runtime.slower", "{}: {}", of.label, warning_of(report));
    }
    if (of.waits && of.policy.is_overdue(now) && services->ready()) {
        renew(of, *services);
    } else if (!of.waits && of.policy.wants_renewal(now)) {
        of.waits = true;
        of.told_useless = false;
        telemetry::warn(
            "runtime.slower",
            "{}: a token takes {:.1f} times as long as when its process was young; its runtime is "
            "renewed once nobody has asked for {:.0f} s, or in {:.0f} min between two answers",
            of.label, report.slower, core::as_seconds(of.policy.idle()),
            core::as_seconds(of.policy.patience()) / 60);
        of.context.tasks->spawn("renewal of " + of.label, renew_when_idle(of_.state_, services));
    }
}

void decay_watch::renew(state& of, supervisor::group& services) {
    const core::reason cause = core::say("service.renewed");
    of.policy.renews(of.context.clock->now());
    telemetry::log().info("{}: event=runtime.renewed why=\"{}\"", of.label, cause.text());
    services.restart(of.runtime, cause, supervisor::restart_reason::asked);
}

core::awaitable<void> decay_watch::renew_when_idle(std::shared_ptr<state> of,
                                                   std::weak_ptr<supervisor::group> services) {
    const supervisor::box_activity& activity = *of->context.activity;
    while (!of->closed) {
        const core::steady_time now = of->context.clock->now();
        if (!of->policy.wants_renewal(now)) {
            break;  // somebody else has renewed it, or it has recovered
        }
        const core::steady_time due =
            (activity.busy() ? now : std::max(activity.last(), core::steady_time{})) + of->policy.idle();
        if (due > now) {
            const core::wake_reason why = co_await of->bell.wait(core::deadline{due});
            if (why == core::wake_reason::cancelled) {
                break;
            }
            continue;
        }
        if (const std::shared_ptr<supervisor::group> at = services.lock(); at && at->ready()) {
            renew(*of, *at);
        }
        break;
    }
    of->waits = false;
}

speed_report decay_watch::report() const {
    return state_->policy.report();
}

}  // namespace corral::engine
