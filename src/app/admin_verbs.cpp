#include "admin_verbs.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <utility>

#include "admin_status.hpp"
#include "corral/catalog/model_name.hpp"
#include "corral/supervisor/group.hpp"
#include "corral/telemetry/log.hpp"
#include "log_stream.hpp"

namespace corral::app {

namespace {

constexpr double usual_stop_wait = 120.0;  // seconds; a stop that takes longer goes on
constexpr double longest_wait = 3600.0;
// Until a killed service may be started again.
constexpr core::seconds kill_limit{20};
constexpr core::milliseconds longest_look{500};
constexpr const char* restart_cause = "restarted by its operator";

core::deadline wait_of(const admin_context& of, const admin_json& asked, double otherwise) {
    const auto found = asked.find("wait_seconds");
    const double wanted = found != asked.end() && found->is_number() ? found->get<double>() : otherwise;
    const double seconds = wanted >= 0.0 ? std::min(wanted, longest_wait) : 0.0;
    const auto span = std::chrono::duration_cast<core::nanoseconds>(std::chrono::duration<double>(seconds));
    return core::deadline::after(span, of.clock->now());
}

bool flag_of(const admin_json& asked, const char* key) {
    const auto found = asked.find(key);
    return found != asked.end() && found->is_boolean() && found->get<bool>();
}

// What a verb is about.
struct aim {
    std::vector<std::string> models;  // names as they are served
    std::string service;              // of the only model; empty: all
    std::string problem;              // for the person; nothing else counts then
};

std::string served_name(const admin_context& of, std::string_view typed) {
    for (const auto& runtime : *of.backends) {
        if (catalog::same_model(runtime->model().name, typed)) {
            return runtime->model().name;
        }
    }
    return {};
}

std::string names_of_all(const admin_context& of) {
    std::string out;
    for (const auto& runtime : *of.backends) {
        out += (out.empty() ? "" : ", ") + runtime->model().name;
    }
    return out.empty() ? "none" : out;
}

// MODEL, or MODEL/SERVICE; a model's name may hold a '/' itself.
aim aim_at(const admin_context& of, const std::string& target) {
    aim out;
    if (const std::string whole = served_name(of, target); !whole.empty()) {
        out.models.push_back(whole);
        return out;
    }
    const auto slash = target.rfind('/');
    const std::string model = slash == std::string::npos ? "" : served_name(of, target.substr(0, slash));
    if (model.empty()) {
        out.problem = "there is no model '" + telemetry::printable(target) + "'; models: " + names_of_all(of);
        return out;
    }
    out.models.push_back(model);
    out.service = target.substr(slash + 1);
    std::string known;
    for (const supervisor::service_status& one : of.admission->runtime_of(model)->services().status()) {
        if (one.name == out.service) {
            return out;
        }
        known += (known.empty() ? "" : ", ") + one.name;
    }
    out.problem =
        "model " + model + " has no service '" + telemetry::printable(out.service) + "'; it has " + known;
    return out;
}

aim aim_of(const admin_context& of, const admin_json& asked) {
    aim out;
    const auto found = asked.find("target");
    if (of.admission->refuses_new()) {
        out.problem = "the server is shutting down";
    } else if (found == asked.end() || found->is_null()) {
        for (const auto& runtime : *of.backends) {
            out.models.push_back(runtime->model().name);
        }
    } else if (!found->is_string()) {
        out.problem = "'target' must be a text: MODEL or MODEL/SERVICE";
    } else {
        out = aim_at(of, found->get<std::string>());
    }
    return out;
}

admin_json done(const aim& at, const char* what) {
    admin_json out;
    out["ok"] = true;
    out["models"] = at.models;
    out["message"] = what;
    return out;
}

core::awaitable<admin_json> run_status(const admin_context& of, admin_json) {
    co_return status_json(of);
}

using condition = std::function<bool(engine::backend&)>;

// Until `met` holds for what runs `model` then; false at `until`, or when the model has left the
// configuration.
core::awaitable<bool> wait_for(const admin_context& of, std::string model, condition met,
                               core::deadline until) {
    while (true) {
        engine::backend* const runtime = of.admission->runtime_of(model);
        if (runtime == nullptr) {
            co_return false;
        }
        if (met(*runtime)) {
            co_return true;
        }
        if (until.passed(of.clock->now())) {
            co_return false;
        }
        // The services' own states are looked at too, whose changes ring a moment later.
        const core::deadline next = core::deadline::after(longest_look, of.clock->now()).sooner(until);
        const core::wake_reason why = co_await runtime->availability_changed().wait(next);
        if (why == core::wake_reason::cancelled) {
            co_return false;
        }
    }
}

bool is_stopped(engine::backend& runtime) {
    const engine::availability now = runtime.available();
    return now.state == engine::availability_state::stopped;
}

core::awaitable<admin_json> run_stop(const admin_context& of, admin_json asked) {
    const aim at = aim_of(of, asked);
    if (!at.problem.empty()) {
        co_return admin_refusal(at.problem);
    }
    if (!at.service.empty()) {
        co_return admin_refusal("a service is stopped with its model: stop " + at.models.front() +
                                ", or restart the service");
    }
    const bool at_once = flag_of(asked, "now");
    for (const std::string& model : at.models) {
        telemetry::log().info("model {}: stopped by its operator{}", model, at_once ? ", at once" : "");
        of.admission->suspend(model, at_once);
    }
    const core::deadline until = wait_of(of, asked, usual_stop_wait);
    for (const std::string& model : at.models) {
        std::string name = model;
        // Who starts it meanwhile has the last word.
        condition met = [&of, &model](engine::backend& runtime) {
            return is_stopped(runtime) || !of.admission->suspended(model);
        };
        const bool stopped = co_await wait_for(of, std::move(name), std::move(met), until);
        if (of.admission->runtime_of(model) != nullptr && !of.admission->suspended(model)) {
            co_return admin_refusal("model " + model + " was started again before it had stopped");
        }
        if (!stopped && of.admission->runtime_of(model) != nullptr) {
            const std::size_t running = of.admission->queue_of(model).running;
            co_return admin_refusal("model " + model + " gets no more requests, but has not stopped yet: " +
                                    (running > 0 ? std::string("an answer is still running ('--now' cuts it)")
                                                 : std::string("its services are on their way down")));
        }
    }
    co_return done(at, "stopped");
}

// Waits until each is ready or can't be, for as long as was asked; a refusal says which is not, and why.
core::awaitable<admin_json> see_ready(const admin_context& of, const aim& at, core::deadline until) {
    for (const std::string& model : at.models) {
        std::string name = model;
        condition settled = [](engine::backend& runtime) {
            const auto state = runtime.available().state;
            return state == engine::availability_state::ready || state == engine::availability_state::broken;
        };
        co_await wait_for(of, std::move(name), std::move(settled), until);
        const engine::backend* const runtime = of.admission->runtime_of(model);
        const auto now = runtime != nullptr ? runtime->available() : engine::availability{};
        if (now.state != engine::availability_state::ready) {
            co_return admin_refusal("model " + model + " is not ready: " +
                                    (now.reason.empty() ? std::string("it is starting") : now.reason));
        }
    }
    co_return done(at, "ready");
}

core::awaitable<admin_json> run_start(const admin_context& of, admin_json asked) {
    const aim at = aim_of(of, asked);
    if (!at.problem.empty()) {
        co_return admin_refusal(at.problem);
    }
    if (!at.service.empty()) {
        co_return admin_refusal("a service is started with its model: start " + at.models.front());
    }
    for (const std::string& model : at.models) {
        telemetry::log().info("model {}: started by its operator", model);
        of.admission->resume(model);
    }
    const core::deadline until = wait_of(of, asked, 0.0);
    if (until.passed(of.clock->now())) {
        co_return done(at, "starting");
    }
    admin_json answer = co_await see_ready(of, at, until);
    co_return answer;
}

// Kills what runs, and starts at once what the restart rule would let wait.
core::awaitable<void> restart_services(const admin_context& of, std::string model, std::string service) {
    engine::backend* const runtime = of.admission->runtime_of(model);
    if (runtime == nullptr) {
        co_return;
    }
    supervisor::group& services = runtime->services();
    for (const supervisor::service_status& one : services.status()) {
        if (service.empty() || one.name == service) {
            services.restart_as_asked(one.name, restart_cause);
        }
    }
    condition gone = [](engine::backend& now) {
        const auto all = now.services().status();
        return std::none_of(all.begin(), all.end(), [](const supervisor::service_status& one) {
            return one.state == supervisor::service_state::stopping;
        });
    };
    const core::deadline until = core::deadline::after(kill_limit, of.clock->now());
    std::string name = model;
    co_await wait_for(of, std::move(name), std::move(gone), until);
    // Closes an open breaker and ends a backoff; no effect where everything starts already.
    const bool same = of.admission->runtime_of(model) == runtime;
    if (same && runtime->available().state != engine::availability_state::ready) {
        of.admission->resume(model);
    }
}

core::awaitable<admin_json> run_restart(const admin_context& of, admin_json asked) {
    const aim at = aim_of(of, asked);
    if (!at.problem.empty()) {
        co_return admin_refusal(at.problem);
    }
    for (const std::string& model : at.models) {
        telemetry::log().info("model {}: {} restarted by its operator", model,
                              at.service.empty() ? "all of it is" : at.service + " is");
        engine::backend* const runtime = of.admission->runtime_of(model);
        if (runtime == nullptr) {
            continue;
        }
        if (of.admission->suspended(model) || is_stopped(*runtime)) {
            of.admission->resume(model);
            continue;
        }
        std::string name = model;
        std::string service = at.service;
        co_await restart_services(of, std::move(name), std::move(service));
    }
    const core::deadline until = wait_of(of, asked, 0.0);
    if (until.passed(of.clock->now())) {
        co_return done(at, "restarting");
    }
    admin_json answer = co_await see_ready(of, at, until);
    co_return answer;
}

core::awaitable<admin_json> run_reload(const admin_context& of, admin_json) {
    if (of.admission->refuses_new()) {
        co_return admin_refusal("the server is shutting down");
    }
    admin_json answer = co_await of.reload();
    co_return answer;
}

core::awaitable<admin_json> run_upgrade(const admin_context& of, admin_json asked) {
    const auto named = asked.find("program");
    std::string program = named != asked.end() && named->is_string() ? named->get<std::string>() : "";
    if (!program.empty() && program.front() != '/') {
        co_return admin_refusal("'program' must be a path from the root");
    }
    const auto begun = of.upgrade(std::move(program));
    if (!begun) {
        co_return admin_refusal(begun.error().message);
    }
    admin_json out;
    out["ok"] = true;
    out["message"] = "the upgrade has begun";
    co_return out;
}

constexpr std::array<admin_verb, 6> verbs{{
    {"status", run_status},
    {"start", run_start},
    {"stop", run_stop},
    {"restart", run_restart},
    {"reload", run_reload},
    {"upgrade", run_upgrade},
}};

constexpr std::array<admin_stream_verb, 1> streams{{
    {"logs", open_log_stream},
}};

std::string all_verbs() {
    std::string out;
    for (const admin_verb& each : verbs) {
        out += (out.empty() ? "" : ", ") + std::string(each.name);
    }
    for (const admin_stream_verb& each : streams) {
        out += ", " + std::string(each.name);
    }
    return out;
}

}  // namespace

core::awaitable<admin_answer> answer_admin(const admin_context& of, admin_json asked) {
    const auto name = asked.find("verb");
    const std::string wanted = name != asked.end() && name->is_string() ? name->get<std::string>() : "";
    const auto found =
        std::find_if(verbs.begin(), verbs.end(), [&](const admin_verb& each) { return each.name == wanted; });
    const auto stream = std::find_if(streams.begin(), streams.end(),
                                     [&](const admin_stream_verb& each) { return each.name == wanted; });
    if (found == verbs.end() && stream == streams.end()) {
        co_return answer_with(
            admin_refusal("unknown verb '" + telemetry::printable(wanted) + "'; there are " + all_verbs()));
    }
    std::string thrown;
    try {
        if (stream != streams.end()) {
            co_return stream->open(of, asked);
        }
        admin_json answer = co_await found->run(of, std::move(asked));
        co_return answer_with(std::move(answer));
    } catch (const boost::system::system_error& error) {
        if (error.code() == boost::asio::error::operation_aborted) {
            throw;
        }
        thrown = error.what();
    } catch (const std::exception& error) {
        thrown = error.what();
    }
    telemetry::log().error("admin socket: '{}' met an exception: {}", wanted, telemetry::printable(thrown));
    co_return answer_with(admin_refusal("internal error: " + telemetry::printable(thrown)));
}

}  // namespace corral::app
