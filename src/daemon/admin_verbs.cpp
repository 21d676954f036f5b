#include "admin_verbs.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "corral/catalog/placement.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/say.hpp"
#include "corral/supervisor/group.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::daemon {

namespace {

constexpr double longest_wait = 3600.0;  // seconds
// Until a killed service may be started again.
constexpr core::seconds kill_limit{20};
constexpr core::milliseconds longest_look{500};
constexpr core::known_wording<> restart_cause = "service.asked-to-stop/restarted";

core::deadline wait_of(const admin_context& context, const control::admin_json& request) {
    const double wanted = core::number_at<double>(request, "wait_seconds").value_or(0.0);
    const double seconds = wanted >= 0.0 ? std::min(wanted, longest_wait) : 0.0;
    const auto span = std::chrono::duration_cast<core::nanoseconds>(std::chrono::duration<double>(seconds));
    return core::deadline::after(span, context.clock->now());
}

admin_target target_of(const admin_context& context, const control::admin_json& request) {
    const fleet::fleet& running = *context.running;
    return resolve_target({running.backends(), running.models(), running.admission()},
                          core::text_at(request, "target"));
}

control::admin_json done(const admin_target& at, const char* what) {
    control::admin_json out;
    out["ok"] = true;
    out["models"] = at.label.empty() ? at.models : std::vector<std::string>{at.label};
    out["message"] = what;
    return out;
}

using runtimes = std::vector<engine::backend*>;
using condition = std::function<bool(const runtimes&)>;

// Until `met` holds for what runs `model` then, all its process sets; false at `until`, or when the model has
// left the configuration.
core::awaitable<bool> wait_for(const admin_context& context, std::string model, condition met,
                               core::deadline until) {
    while (true) {
        const runtimes all = context.running->admission().runtimes_of(model);
        if (all.empty()) {
            co_return false;
        }
        if (met(all)) {
            co_return true;
        }
        if (until.passed(context.clock->now())) {
            co_return false;
        }
        // The services' own states are looked at too, whose changes ring a moment later; and the others.
        const core::deadline next = core::deadline::after(longest_look, context.clock->now()).sooner(until);
        const core::wake_reason why = co_await all.front()->availability_changed().wait(next);
        if (why == core::wake_reason::cancelled) {
            co_return false;
        }
    }
}

bool in_state(const engine::backend* runtime, engine::availability_state state) {
    const engine::availability now = runtime->available();
    return now.state == state;
}

bool all_in(const runtimes& all, engine::availability_state state) {
    return std::ranges::all_of(all, [state](const auto* one) { return in_state(one, state); });
}

bool any_in(const runtimes& all, engine::availability_state state) {
    return std::ranges::any_of(all, [state](const auto* one) { return in_state(one, state); });
}

control::admin_json refused_target(const admin_target& at) {
    control::admin_json out = control::admin_refusal(at.problem);
    if (at.unknown) {
        out["unknown"] = true;
    }
    return out;
}

// What a reload has replaced of `model` still answers, or stops.
bool leaves(const admin_context& context, const std::string& model) {
    return std::ranges::any_of(context.running->not_stopped(),
                               [&model](const engine::backend* one) { return one->model().name == model; });
}

// Of one of several instances: what can be done.
std::string not_alone(const admin_target& at, std::string_view verb, std::string_view participle) {
    return fmt::format(
        "an instance is {1} with its model: 'corral {0} {2}' {0}s all of them, 'corral restart {3}' restarts "
        "this one",
        verb, participle, at.models.front(), at.label);
}

core::awaitable<control::admin_json> run_stop(const admin_context& context, control::admin_json request,
                                              model_word decided) {
    const admin_target at = target_of(context, request);
    if (!at.problem.empty()) {
        co_return refused_target(at);
    }
    if (!at.service.empty()) {
        co_return control::admin_refusal(core::say("command.stop-service/service", at.models.front()));
    }
    if (!at.label.empty()) {
        co_return control::admin_refusal(not_alone(at, "stop", "stopped"));
    }
    const bool at_once = core::flag_at(request, "now");
    for (const std::string& model : at.models) {
        telemetry::log().info("model {}: stopped by its operator{} event=model.suspended", model,
                              at_once ? ", at once" : "");
        context.running->admission().suspend(model, at_once);
        if (at_once) {
            context.running->cut_retired(model);
        }
        decided(model);
    }
    const core::deadline until = wait_of(context, request);
    if (until.passed(context.clock->now())) {
        co_return done(at, "stopping");  // who asked follows the events
    }
    for (const std::string& model : at.models) {
        std::string name = model;
        // Who starts it meanwhile has the last word.
        condition met = [&context, &model](const runtimes& all) {
            return (all_in(all, engine::availability_state::stopped) && !leaves(context, model)) ||
                   !context.running->admission().suspended(model);
        };
        const bool stopped = co_await wait_for(context, std::move(name), std::move(met), until);
        if (context.running->admission().runtime_of(model) != nullptr &&
            !context.running->admission().suspended(model)) {
            co_return control::admin_refusal(core::say("command.stop-waits/model", model));
        }
        if (!stopped && context.running->admission().runtime_of(model) != nullptr) {
            const std::size_t running = context.running->admission().queue_of(model).running;
            co_return control::admin_refusal(
                core::say("command.stop-waits/gets", model,
                          (running > 0 ? std::string("an answer is still running ('--now' cuts it)")
                                       : std::string("its services are on their way down"))));
        }
    }
    co_return done(at, "stopped");
}

std::string why_not_ready(const admin_context& context, const std::string& model, const runtimes& all) {
    if (const core::reason waits = context.running->admission().queue_of(model).why; !waits.empty()) {
        return "it " + waits;
    }
    std::string reason = all.empty() ? std::string() : all.front()->available().reason.text();
    return reason.empty() ? "it is starting" : reason;
}

// Waits until each is ready or can't be, for as long as was asked; a refusal says which is not, and why.
core::awaitable<control::admin_json> see_ready(const admin_context& context, const admin_target& at,
                                               core::deadline until) {
    for (const std::string& model : at.models) {
        std::string name = model;
        condition settled = [](const runtimes& all) {
            return any_in(all, engine::availability_state::ready) ||
                   all_in(all, engine::availability_state::broken);
        };
        co_await wait_for(context, std::move(name), std::move(settled), until);
        const runtimes all = context.running->admission().runtimes_of(model);
        if (!any_in(all, engine::availability_state::ready)) {
            co_return control::admin_refusal(
                core::say("command.stop-waits/ready", model, why_not_ready(context, model, all)));
        }
    }
    co_return done(at, "ready");
}

core::awaitable<control::admin_json> run_start(const admin_context& context, control::admin_json request,
                                               model_word decided) {
    const admin_target at = target_of(context, request);
    if (!at.problem.empty()) {
        co_return refused_target(at);
    }
    if (!at.service.empty()) {
        co_return control::admin_refusal(core::say("command.stop-service/started", at.models.front()));
    }
    if (!at.label.empty()) {
        co_return control::admin_refusal(not_alone(at, "start", "started"));
    }
    context.forget_deadly_prompts();
    for (const std::string& model : at.models) {
        telemetry::log().info("model {}: started by its operator", model);
        context.running->admission().resume(model);
        decided(model);
    }
    const core::deadline until = wait_of(context, request);
    if (until.passed(context.clock->now())) {
        co_return done(at, "starting");
    }
    control::admin_json answer = co_await see_ready(context, at, until);
    co_return answer;
}

bool is_meant(const engine::backend& runtime, const admin_target& at) {
    return at.label.empty() || catalog::label_of(runtime.model()) == at.label;
}

// Kills what runs, and starts at once what the restart rule would let wait.
core::awaitable<void> restart_services(const admin_context& context, std::string model, admin_target at) {
    bool any = false;
    const runtimes all = context.running->admission().runtimes_of(model);
    for (engine::backend* const runtime : all) {
        if (!is_meant(*runtime, at) || in_state(runtime, engine::availability_state::stopped)) {
            continue;
        }
        any = true;
        supervisor::group& services = runtime->services();
        for (const supervisor::service_status& one : services.status()) {
            if (at.service.empty() || one.name == at.service) {
                services.restart(one.name, core::say(restart_cause), supervisor::restart_reason::asked);
            }
        }
    }
    if (!any) {
        co_return;
    }
    condition gone = [](const runtimes& now) {
        return std::ranges::none_of(now, [](engine::backend* each) {
            const auto services = each->services().status();
            return std::ranges::any_of(services, [](const supervisor::service_status& one) {
                return one.state == supervisor::service_state::stopping;
            });
        });
    };
    const core::deadline until = core::deadline::after(kill_limit, context.clock->now());
    std::string name = model;
    co_await wait_for(context, std::move(name), std::move(gone), until);
    // Closes an open breaker and ends a backoff; no effect where everything starts already.
    const runtimes after = context.running->admission().runtimes_of(model);
    if (after != all) {
        co_return;
    }
    if (!any_in(after, engine::availability_state::ready)) {
        context.running->admission().resume(model);
        co_return;
    }
    for (engine::backend* const runtime : after) {
        if (is_meant(*runtime, at) && in_state(runtime, engine::availability_state::broken)) {
            runtime->start();  // beside others that serve
        }
    }
}

core::awaitable<control::admin_json> run_restart(const admin_context& context, control::admin_json request,
                                                 model_word decided) {
    const admin_target at = target_of(context, request);
    if (!at.problem.empty()) {
        co_return refused_target(at);
    }
    context.forget_deadly_prompts();
    for (const std::string& model : at.models) {
        telemetry::log().info("model {}: {} restarted by its operator", at.label.empty() ? model : at.label,
                              at.service.empty() ? "all of it is" : at.service + " is");
        decided(model);
        const runtimes all = context.running->admission().runtimes_of(model);
        if (all.empty()) {
            continue;
        }
        if (context.running->admission().suspended(model) ||
            all_in(all, engine::availability_state::stopped)) {
            context.running->admission().resume(model);
            continue;
        }
        std::string name = model;
        admin_target which = at;
        co_await restart_services(context, std::move(name), std::move(which));
    }
    const core::deadline until = wait_of(context, request);
    if (until.passed(context.clock->now())) {
        co_return done(at, "restarting");
    }
    control::admin_json answer = co_await see_ready(context, at, until);
    co_return answer;
}

core::awaitable<control::admin_json> run_reload(const admin_context& context, control::admin_json request,
                                                model_word) {
    if (context.running->admission().refuses_new()) {
        co_return control::admin_refusal(core::say("upgrade.refused/server-shutting"));
    }
    control::admin_json answer =
        co_await context.reload(request.value("allow_empty", control::admin_json(false)) == true);
    co_return answer;
}

core::awaitable<control::admin_json> run_upgrade(const admin_context& context, control::admin_json request,
                                                 model_word) {
    std::string program = core::text_at(request, "program");
    if (!program.empty() && program.front() != '/') {
        co_return control::admin_refusal(core::say("command.asks-daemon/program"));
    }
    const auto begun = context.upgrade(std::move(program));
    if (!begun) {
        co_return control::admin_refusal(begun.error().message);
    }
    control::admin_json out;
    out["ok"] = true;
    out["message"] = "the upgrade has begun";
    co_return out;
}

core::awaitable<control::admin_json> run_drain(const admin_context& context, control::admin_json request,
                                               model_word) {
    constexpr core::milliseconds between_looks{100};
    context.drain(true);
    const core::deadline until = wait_of(context, request);
    const auto left = [&context] {
        const scheduler::queue_snapshot queue = context.running->admission().snapshot();
        return queue.running + queue.waiting;
    };
    while (left() > 0 && context.drained() && !until.passed(context.clock->now())) {
        const bool awake = co_await core::sleep_for(between_looks);
        if (!awake) {
            co_return control::admin_refusal(core::say("drain.ended/drain"));
        }
    }
    if (!context.drained()) {
        co_return control::admin_refusal(core::say("drain.ended/taken"));
    }
    control::admin_json out;
    out["ok"] = true;
    out["left"] = left();
    const std::size_t still = left();
    out["message"] = still == 0
                         ? "drained: nothing is running here, and load balancers are told to send nothing"
                         : "draining: load balancers are told to send nothing; " + std::to_string(still) +
                               (still == 1 ? " request still runs or waits" : " requests still run or wait") +
                               " ('--wait' waits for them)";
    co_return out;
}

core::awaitable<control::admin_json> run_undrain(const admin_context& context, control::admin_json,
                                                 model_word) {
    context.drain(false);
    control::admin_json out;
    out["ok"] = true;
    out["message"] = "undrained: load balancers may send requests again";
    co_return out;
}

core::awaitable<control::admin_json> run_ui(const admin_context& context, control::admin_json, model_word) {
    const core::result<std::string> link = context.page_link();
    if (!link) {
        co_return control::admin_refusal(link.error().message);
    }
    control::admin_json out;
    out["ok"] = true;
    out["url"] = *link;
    out["message"] = *link;
    co_return out;
}

struct admin_verb {
    std::string_view name;
    core::awaitable<control::admin_json> (*run)(const admin_context& context, control::admin_json request,
                                                model_word decided);
};

constexpr std::array<admin_verb, 8> verbs{{
    {"start", run_start},
    {"stop", run_stop},
    {"restart", run_restart},
    {"reload", run_reload},
    {"upgrade", run_upgrade},
    {"drain", run_drain},
    {"undrain", run_undrain},
    {"ui", run_ui},
}};

}  // namespace

core::awaitable<control::admin_json> answer_admin(const admin_context& context, control::admin_json request,
                                                  model_word decided) {
    const std::string wanted = core::text_at(request, "verb");
    const auto found = std::ranges::find(verbs, wanted, &admin_verb::name);
    std::string thrown = "there is no verb '" + wanted + "'";
    try {
        if (found != verbs.end()) {
            control::admin_json answer = co_await found->run(context, std::move(request), std::move(decided));
            co_return answer;
        }
    } catch (const boost::system::system_error& error) {
        if (error.code() == boost::asio::error::operation_aborted) {
            throw;
        }
        thrown = error.what();
    } catch (const std::exception& error) {
        thrown = error.what();
    }
    telemetry::error(core::say("daemon.fault/control", wanted, telemetry::printable(thrown)));
    co_return control::admin_refusal(core::say("command.asks-daemon/internal", telemetry::printable(thrown)));
}

}  // namespace corral::daemon
