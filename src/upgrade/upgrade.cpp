#include "corral/upgrade/upgrade.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "corral/catalog/placement.hpp"
#include "corral/core/say.hpp"
#include "corral/core/wake_signal.hpp"
#include "corral/engine/dialect.hpp"
#include "corral/process/own_process.hpp"
#include "corral/telemetry/log.hpp"
#include "corral/telemetry/service_notify.hpp"
#include "corral/upgrade/inheritance.hpp"

namespace corral::upgrade {

namespace {

constexpr core::milliseconds between_looks{10};
// Beyond the longest stop ladder of any shipped profile.
constexpr core::seconds services_end{60};

using supervisor::service_state;

bool any_service(engine::backend& backend, bool (*is)(const supervisor::service_status&)) {
    const std::vector<supervisor::service_status> all = backend.services().status();
    return std::any_of(all.begin(), all.end(), is);
}

bool lives(const supervisor::service_status& service) {
    return service.pid != 0;
}

bool moves(const supervisor::service_status& service) {
    return service.state == service_state::starting || service.state == service_state::stopping;
}

bool is_wanted(const supervisor::service_status& service) {
    return service.state != service_state::stopped;
}

bool can_hand_over(const engine::backend& backend) {
    const engine::dialect_descriptor* dialect = engine::find_dialect(backend.model().runtime.dialect);
    return dialect != nullptr && dialect->adopt != nullptr;
}

// What it is now may soon be something that can be handed over, or nothing at all.
bool unsettled(engine::backend& backend) {
    return any_service(backend, &moves) ||
           (can_hand_over(backend) && backend.services().ready() && !backend.hand_over());
}

double seconds_of(core::nanoseconds span) {
    return std::chrono::duration<double>(span).count();
}

}  // namespace

core::awaitable<void> upgrade::run(std::string program) {
    if (under_way_ || parts_.stopping()) {
        telemetry::warn(under_way_ ? core::say("upgrade.refused/not-now")
                                   : core::say("upgrade.refused/not-stopping"));
        co_return;
    }
    under_way_ = true;
    failure_.clear();
    status_ = "upgrade: asking the new program";
    if (program.empty()) {
        program = how_.program;
    }
    core::failure why;
    try {
        why = co_await attempt(program);
    } catch (const std::exception& error) {
        why = core::make_failure(core::errc::internal, core::reason::unlisted(error.what()));
    }
    failure_ = why.message;
    if (!parts_.stopping()) {
        undo();
        const core::reason said = core::say("upgrade.refused/given-up", why);
        telemetry::error(said, "{} event=upgrade.given-up", said);
    }
    status_.clear();
    under_way_ = false;
}

core::awaitable<core::result<preflight_report>> upgrade::ask(std::string program) {
    auto asking = ask_next_image(parts_.on, how_, std::move(program), *parts_.guard, *parts_.disk);
    auto answer = co_await std::move(asking);
    if (answer && parts_.stopping()) {
        co_return core::make_failure(core::errc::cancelled, core::say("upgrade.refused/corral-being"));
    }
    // As a reload refuses it.
    const bool emptied = answer && ((answer->blank && !parts_.settings->blank) ||
                                    (answer->fingerprints.empty() && !parts_.backends->empty()));
    if (emptied) {
        co_return core::make_failure(core::errc::refused, core::say("upgrade.refused/configuration-file"));
    }
    if (answer && answer->door) {
        const config::door_plan plan = config::plan_door(parts_.door, *answer->door);
        if (plan.step == config::door_step::refuse) {
            co_return plan.why;
        }
    }
    co_return answer;
}

core::awaitable<core::failure> upgrade::attempt(std::string program) {
    const auto first = co_await ask(program);
    if (!first) {
        co_return first.error();
    }
    telemetry::log().info(
        "upgrade to {} (version {}): what was admitted is answered first event=upgrade.drain", program,
        first->version);
    paused_ = now();
    const core::deadline until = core::deadline::after(parts_.settings->upgrade_limit, paused_);
    parts_.server->pause();
    if (parts_.begin_drain) {
        parts_.begin_drain();
    }
    const auto drained = co_await drain(until);
    if (!drained) {
        co_return drained.error();
    }
    // A long answer may have ended since; the program and its configuration may be others now.
    const auto next = co_await ask(program);
    if (!next) {
        co_return next.error();
    }
    const auto ended = co_await stop_leftovers(*next, until);
    if (!ended) {
        co_return ended.error();
    }
    co_return replace(program);
}

std::string upgrade::still_open() const {
    const scheduler::queue_snapshot queue = parts_.scheduler->snapshot();
    const std::size_t connections = parts_.server->stats().connections;
    if (std::string other = parts_.unfinished(); !other.empty()) {
        return other;
    }
    if (queue.waiting == 0 && queue.running == 0 && connections == 0 && parts_.runs->empty()) {
        return {};
    }
    return fmt::format("{} running and {} waiting requests, {} busy connections", queue.running,
                       queue.waiting, connections);
}

// Services that still load past the limit are no hindrance: they are started anew.
core::awaitable<core::result<void>> upgrade::drain(core::deadline until) {
    while (true) {
        if (parts_.stopping()) {
            co_return core::make_failure(core::errc::cancelled, core::say("upgrade.refused/corral-being"));
        }
        const std::string open = still_open();
        const auto& all = *parts_.backends;
        // Costs more to find out than the rest.
        const bool settled = open.empty() && std::none_of(all.begin(), all.end(),
                                                          [](const auto& each) { return unsettled(*each); });
        const bool late = until.passed(now());
        if (open.empty() && (settled || late)) {
            co_return core::result<void>{};
        }
        if (late) {
            const auto seconds = std::llround(seconds_of(now() - paused_));
            co_return core::make_failure(core::errc::timed_out,
                                         core::say("upgrade.refused/busy", open, seconds));
        }
        status_ = "upgrade: waits for " + (open.empty() ? "services that start or stop" : open);
        const bool awake = co_await core::sleep_for(between_looks);
        if (!awake) {
            co_return core::make_failure(core::errc::cancelled, core::say("upgrade.refused/corral-being"));
        }
    }
}

// Services that the next image would start by another command, or that are not ready, end by their own
// ladder, in our hands.
core::awaitable<core::result<void>> upgrade::stop_leftovers(preflight_report next, core::deadline until) {
    const auto is_leftover = [&next](engine::backend& runtime) {
        const auto running = runtime.hand_over();
        // Under whatever name.
        const bool goes_on =
            running && !running->fingerprint.empty() &&
            std::any_of(next.fingerprints.begin(), next.fingerprints.end(),
                        [&](const auto& asked) { return asked.second == running->fingerprint; });
        return !goes_on && any_service(runtime, &lives);
    };
    for (bool again = true; again;) {
        again = false;
        const auto settled = co_await drain(until);
        if (!settled) {
            co_return settled;
        }
        for (const auto& runtime : *parts_.backends) {
            if (!is_leftover(*runtime)) {
                continue;
            }
            again = true;
            const std::string name = catalog::label_of(runtime->model());
            status_ = "upgrade: ends the services of " + name;
            telemetry::log().info("upgrade: model {} can't be handed over and is restarted", name);
            ended_.insert(name);
            const core::deadline limit = core::deadline::after(services_end, now());
            const bool stopped = co_await runtime->stop(limit);
            if (!stopped || parts_.stopping()) {
                co_return core::make_failure(core::errc::unavailable,
                                             core::say("upgrade.refused/services-stop", name));
            }
        }
    }
    co_return core::result<void>{};
}

handover upgrade::compose() const {
    handover out;
    out.guard = parts_.guard->hand_over();
    out.descriptor_limit = process::descriptor_limit_of_children().value_or(0);
    out.listeners = parts_.server->listeners();
    out.activated = parts_.door.managed;
    out.connections = parts_.server->kept_aside();
    out.state_lock = parts_.state_lock ? parts_.state_lock() : -1;
    out.drained = parts_.drained && parts_.drained();
    out.paused = paused_;
    out.loans = parts_.loans ? parts_.loans() : std::vector<loan_handover>();
    out.cards = parts_.cards ? parts_.cards() : std::string();
    out.speeds = parts_.speeds ? parts_.speeds() : std::string();
    for (const auto& runtime : *parts_.backends) {
        model_handover one;
        const std::string& deployment = runtime->model().name;
        one.name = catalog::label_of(runtime->model());
        one.wanted = ended_.contains(one.name) || any_service(*runtime, &is_wanted);
        one.suspended = parts_.scheduler->suspended(deployment);
        one.stay = parts_.scheduler->residence_of(deployment).stay;
        one.running = runtime->hand_over();
        out.models.push_back(std::move(one));
    }
    return out;
}

core::failure upgrade::replace(const std::string& program) {
    const handover left = compose();
    const auto memory = process::make_sealed_memory(encode(left));
    if (!memory) {
        return memory.error();
    }
    std::vector<int> kept = descriptors_of(left);
    kept.push_back(*memory);
    std::map<std::string, std::string> environment = environment_for_next_image();
    environment[handover_variable] = std::to_string(*memory);
    std::vector<std::string> arguments{program, "serve"};
    arguments.insert(arguments.end(), how_.options.begin(), how_.options.end());
    telemetry::log().info("upgrade: going on as {}", program);
    telemetry::notify_reloading();
    // Their threads would not survive, and what they had not written yet with them.
    parts_.end_threads();
    telemetry::stop_logging();
    core::failure why = process::replace_image(program, arguments, environment, kept);
    telemetry::start_logging(parts_.settings->log_level);
    parts_.begin_threads();
    telemetry::notify_ready();
    ::close(*memory);
    return why;
}

void upgrade::undo() {
    parts_.server->resume();
    for (const auto& runtime : *parts_.backends) {
        if (ended_.contains(catalog::label_of(runtime->model()))) {
            runtime->start();
        }
    }
    ended_.clear();
}

}  // namespace corral::upgrade
