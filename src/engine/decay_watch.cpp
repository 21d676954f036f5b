#include "engine/decay_watch.hpp"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "corral/catalog/placement.hpp"
#include "corral/core/say.hpp"
#include "corral/device/reader.hpp"
#include "corral/engine/device_tools.hpp"
#include "corral/telemetry/log.hpp"
#include "engine/growth_policy.hpp"

namespace corral::engine {

namespace {

constexpr double seconds_of_an_hour = 3600;

double hours_of(core::nanoseconds span) {
    return core::as_seconds(span) / seconds_of_an_hour;
}

// "12 MB of memory", "3 threads".
std::string amount(process::resource what, double value) {
    constexpr double megabyte = 1e6;
    return what == process::resource::memory ? fmt::format("{:.1f} MB of memory", value / megabyte)
                                             : fmt::format("{:.1f} {}", value, process::to_string(what));
}

}  // namespace

core::reason warning_of(const speed_report& seen) {
    return seen.slower > 0 && !seen.renewal_helps
               ? core::say("runtime.slower/useless", fmt::format("{:.1f}", seen.slower))
               : core::reason();
}

core::reason warning_of(const growth_report& seen) {
    const growth_report::resource* const first = growth_policy::first_of(seen);
    return first != nullptr && !seen.renewal_helps
               ? core::say("runtime.grows/useless", process::to_string(first->which),
                           fmt::format("{:.1f}", hours_of(*first->left)))
               : core::reason();
}

// What the tasks share with their owner.
struct decay_watch::state {
    state(supervisor::supervisor_context with, const catalog::model_entry& model, std::string service,
          unsigned runs, std::weak_ptr<supervisor::group> of)
        : context(std::move(with)),
          label(catalog::label_of(model)),
          runtime(std::move(service)),
          capacity(runs),
          hot(model.runtime.device.host.hot),
          services(std::move(of)),
          policy(model.runtime.clocks.renew_after),
          growth(2 * model.runtime.clocks.renew_after),  // half an hour, and an hour
          bell(context.on) {
        if (hot != 0 && context.devices != nullptr && can_be_asked(model.runtime.device)) {
            for (const unsigned card : model.cards) {
                cards.emplace_back(
                    card, context.devices->find_or_make(reader_options_of(model.runtime.device, card)));
            }
        }
    }

    // Of the runtime; without a pid: it does not serve.
    supervisor::service_status look(const supervisor::group& at) {
        for (const supervisor::service_status& service : at.status()) {
            if (service.name == runtime) {
                if (service.starts != starts) {
                    starts = service.starts;
                    policy.began();
                    growth.began(context.clock->now());
                }
                return service.state == supervisor::service_state::ready ? service
                                                                         : supervisor::service_status();
            }
        }
        return {};
    }

    bool wants_renewal(core::steady_time now) const {
        return policy.wants_renewal(now) || growth.wants_renewal(now);
    }

    supervisor::supervisor_context context;
    std::string label;
    std::string runtime;
    unsigned capacity;
    unsigned hot;  // degrees Celsius; 0: never
    std::vector<std::pair<unsigned, std::shared_ptr<device::reader>>> cards;
    std::weak_ptr<supervisor::group> services;
    decay_policy policy;
    growth_policy growth;
    core::wake_signal bell;  // the owner is going
    std::uint64_t starts = 0;
    bool waits = false;
    bool asks_card = false;  // and whether it waits for a renewal is open
    bool closed = false;
    bool warned_of_speed = false;
    bool warned_of_heat = false;
    bool warned_of_growth = false;
};

decay_watch::decay_watch(supervisor::supervisor_context context, const catalog::model_entry& model,
                         std::string runtime, unsigned capacity,
                         const std::shared_ptr<supervisor::group>& services)
    : state_(std::make_shared<state>(std::move(context), model, std::move(runtime), capacity, services)) {
    state_->context.tasks->spawn("growth of " + state_->label, watch_growth(state_));
}

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
    return [this, further = std::move(further)](const run_outcome& outcome) {
        end_ = of_.state_->context.clock->now();
        if (further) {
            further(outcome);
        }
    };
}

void decay_watch::run::judge_speed(const run_outcome& outcome) {
    state& of = *of_.state_;
    const bool whole = !outcome.failure && (outcome.end == run_end::stop || outcome.end == run_end::length);
    const bool alone = of.capacity == 1 && alone_ && of.context.activity->alone_since(begun_);
    if (!whole || !alone || end_ == core::steady_time{} ||
        outcome.progress.first_text == core::steady_time{}) {
        return;
    }
    const chat::token_usage& seen = outcome.progress.usage;
    const core::nanoseconds took =
        outcome.progress.stages.decode.value_or(core::nanoseconds(end_ - outcome.progress.first_text));
    of.policy.ran({seen.generated_tokens, seen.prompt_tokens + seen.generated_tokens, took},
                  of.context.clock->now());
    const speed_report report = of.policy.report();
    if (report.slower > 0 && !report.renewal_helps && !of.warned_of_speed) {
        of.warned_of_speed = true;
        const core::reason said = warning_of(report);
        telemetry::warn(said, "{}: {}", of.label, said);
    }
}

void decay_watch::run::ended(const run_outcome& outcome) {
    state& of = *of_.state_;
    const core::steady_time now = of.context.clock->now();
    const std::shared_ptr<supervisor::group> services = of.services.lock();
    if (!services) {
        return;
    }
    static_cast<void>(of.look(*services));
    of.growth.ran();
    judge_speed(outcome);
    const bool overdue =
        (of.waits && !of.asks_card && of.policy.is_overdue(now)) || of.growth.is_overdue(now);
    // Where runs share the runtime, no other may be inside.
    const bool last = of.capacity == 1 || of.context.activity->alone_since(of.context.activity->begun());
    if (overdue && last && services->ready()) {
        renew(of, *services);
    } else if (!of.waits && of.policy.wants_renewal(now)) {
        wait_for_idle(of_.state_);
    }
}

void decay_watch::renew(state& of, supervisor::group& services) {
    const core::steady_time now = of.context.clock->now();
    core::reason cause = core::say("service.renewed");
    const growth_report seen = of.growth.report();
    const growth_report::resource* const first = growth_policy::first_of(seen);
    if (first != nullptr && of.growth.wants_renewal(now)) {
        cause = core::say("service.renewed/grown", process::to_string(first->which));
        of.growth.renews(now);
    } else {
        of.policy.renews(now);
    }
    telemetry::log().info("{}: event=runtime.renewed why=\"{}\"", of.label, cause.text());
    services.restart(of.runtime, cause, supervisor::restart_reason::asked);
}

void decay_watch::wait_for_idle(const std::shared_ptr<state>& of) {
    of->waits = true;
    of->context.tasks->spawn("renewal of " + of->label, renew_when_idle(of));
}

// Of the first card that is too hot, which slows down by itself then; nothing: none is, or that can't be told. Asked while
// it works, for it cools soon.
core::awaitable<std::optional<device::card_figures>> decay_watch::hot_card(std::shared_ptr<state> of) {
    for (const auto& [index, tool] : of->cards) {
        auto looking = tool->look();
        const device::device_look seen = co_await std::move(looking);
        const device::card_figures* const card = device::find_card(seen.report, index);
        if (card != nullptr && card->temperature && *card->temperature >= of->hot) {
            co_return *card;
        }
    }
    co_return std::nullopt;
}

void decay_watch::announce(state& of, const std::optional<device::card_figures>& hot) {
    const std::string slower = fmt::format("{:.1f}", of.policy.report().slower);
    if (hot) {
        if (!std::exchange(of.warned_of_heat, true)) {
            const core::reason said =
                core::say("runtime.slower/hot", slower, hot->index, fmt::format("{:.0f}", *hot->temperature));
            telemetry::warn(said, "{}: {}", of.label, said);
        }
        return;
    }
    of.warned_of_heat = false;
    of.warned_of_speed = false;
    telemetry::warn(core::say("runtime.slower/waits", of.label, slower,
                              fmt::format("{:.0f}", core::as_seconds(of.policy.idle())),
                              fmt::format("{:.0f}", core::as_seconds(of.policy.patience()) / 60)));
}

core::awaitable<void> decay_watch::renew_when_idle(std::shared_ptr<state> of) {
    const supervisor::box_activity& activity = *of->context.activity;
    if (!of->growth.wants_renewal(of->context.clock->now())) {
        of->asks_card = true;
        auto looking = hot_card(of);
        const std::optional<device::card_figures> hot = co_await std::move(looking);
        of->asks_card = false;
        // It may have recovered meanwhile, or be another process.
        const core::steady_time now = of->context.clock->now();
        if (!of->closed && of->policy.wants_renewal(now)) {
            announce(*of, hot);
            if (hot) {
                of->policy.excuse(now);
            }
        }
    }
    while (!of->closed) {
        const core::steady_time now = of->context.clock->now();
        if (!of->wants_renewal(now)) {
            break;  // somebody else has renewed it, or it has recovered
        }
        const core::nanoseconds idle = of->growth.wants_renewal(now) ? of->growth.idle() : of->policy.idle();
        const core::steady_time due =
            (activity.busy() ? now : std::max(activity.last(), core::steady_time{})) + idle;
        if (due > now) {
            const core::wake_reason why = co_await of->bell.wait(core::deadline{due});
            if (why == core::wake_reason::cancelled) {
                break;
            }
            continue;
        }
        if (const std::shared_ptr<supervisor::group> at = of->services.lock(); at && at->ready()) {
            renew(*of, *at);
        }
        break;
    }
    of->waits = false;
}

// Also while nobody asks: signs of life are asked for then, and leak as well.
core::awaitable<void> decay_watch::watch_growth(std::shared_ptr<state> of) {
    constexpr core::seconds longest_look{30};
    const std::string lane = "growth of " + of->label;
    while (!of->closed) {
        const core::deadline next{of->context.clock->now() + of->growth.interval()};
        const core::wake_reason why = co_await of->bell.wait(next);
        std::shared_ptr<supervisor::group> services = of->services.lock();
        if (why == core::wake_reason::cancelled || of->closed || !services) {
            break;
        }
        const supervisor::service_status runtime = of->look(*services);
        services.reset();
        if (runtime.pid == 0) {
            continue;
        }
        std::function<std::optional<process::footprint>()> looking = [pid = runtime.pid] {
            return process::footprint_of(pid);
        };
        const core::deadline until{of->context.clock->now() + longest_look};
        auto looked = of->context.searches->run(lane, std::move(looking), until);
        const core::result<std::optional<process::footprint>> seen = co_await std::move(looked);
        services = of->services.lock();
        if (of->closed || !services) {
            break;
        }
        // Of a process that has gone meanwhile, or where no thread is to be had, nothing is learned.
        if (!seen || !*seen || of->look(*services).pid != runtime.pid) {
            continue;
        }
        note_growth(of, **seen);
    }
}

void decay_watch::note_growth(const std::shared_ptr<state>& of, const process::footprint& seen) {
    const core::steady_time now = of->context.clock->now();
    of->growth.saw(seen, now);
    const growth_report report = of->growth.report();
    const growth_report::resource* const first = growth_policy::first_of(report);
    if (first != nullptr && !report.renewal_helps && !of->warned_of_growth) {
        of->warned_of_growth = true;
        const core::reason said = warning_of(report);
        telemetry::warn(said, "{}: {}", of->label, said);
    }
    if (first != nullptr && !of->waits && of->growth.wants_renewal(now)) {
        of->warned_of_growth = false;
        telemetry::warn(core::say("runtime.grows/waits", of->label, amount(first->which, first->per_hour),
                                  fmt::format("{:.1f}", hours_of(*first->left)),
                                  fmt::format("{:.0f}", core::as_seconds(of->growth.idle()))));
        wait_for_idle(of);
    }
}

std::string decay_watch::usual() const {
    return fmt::format("{} {}", state_->starts, state_->policy.usual());
}

void decay_watch::resume(const std::string& usual) {
    const std::shared_ptr<supervisor::group> services = state_->services.lock();
    if (services == nullptr) {
        return;
    }
    static_cast<void>(state_->look(*services));
    const std::string same_process = fmt::format("{} ", state_->starts);
    if (state_->starts != 0 && usual.starts_with(same_process)) {
        state_->policy.resume(std::string_view(usual).substr(same_process.size()));
    }
}

void decay_watch::embedded() {
    state_->growth.ran();
}

speed_report decay_watch::speed() const {
    return state_->policy.report();
}

growth_report decay_watch::growth() const {
    return state_->growth.report();
}

std::string decay_watch::warning() const {
    const core::reason out = warning_of(speed());
    return out.empty() ? warning_of(growth()) : out;
}

}  // namespace corral::engine
