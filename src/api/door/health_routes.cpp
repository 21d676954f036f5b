#include "api/door/health_routes.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/door/access_check.hpp"
#include "api/json/json_writer.hpp"
#include "corral/catalog/placement.hpp"
#include "corral/core/say.hpp"
#include "corral/generation/readiness.hpp"
#include "corral/telemetry/metrics.hpp"

namespace corral::api {

namespace {

constexpr const char* json_type = "application/json; charset=utf-8";

const char* word_of(engine::availability_state state) {
    switch (state) {
        case engine::availability_state::stopped:
            return "unloaded";
        case engine::availability_state::loading:
            return "loading";
        case engine::availability_state::ready:
            return "ready";
        case engine::availability_state::broken:
            return "broken";
    }
    return "unknown";
}

struct model_state {
    engine::availability now;
    bool suspended = false;   // by its operator
    std::size_t waiting = 0;  // requests
    core::reason waits;       // why it is not being loaded though somebody wants it; may be empty
    std::vector<scheduler::instance_state> instances;  // of a model that can run in several places
    std::string served_by;                             // of one with fallbacks
};

const char* word_of(const model_state& of) {
    return of.suspended ? "stopped" : word_of(of.now.state);
}

model_state look_at(const generation::served_model& model, const scheduler::scheduler& admission) {
    model_state out;
    out.now = generation::availability_of(admission, model.deployment);
    out.suspended = admission.suspended(model.deployment);
    if (out.suspended) {
        out.now.reason = scheduler::suspension_text(model.deployment);
        return out;
    }
    scheduler::model_queue queue = admission.queue_of(model.deployment);
    out.waiting = queue.waiting;
    out.waits = queue.why;
    if (out.now.state == engine::availability_state::stopped && !out.waits.empty()) {
        out.now.reason = core::say("model.unloaded", out.waits);
    }
    if (const auto tiers = admission.tiers_of(model.deployment)) {
        out.served_by = tiers->label;
    }
    const auto instances = admission.instances_of(model.deployment);
    if (instances.size() > 1) {
        out.instances = instances;
    }
    return out;
}

// The most hopeful state of all: one model that loads is worth waiting for, whatever the others do, and one
// that was unloaded is a request away.
const char* overall(const std::vector<model_state>& all) {
    const auto any = [&](engine::availability_state wanted) {
        return std::any_of(all.begin(), all.end(),
                           [&](const auto& each) { return !each.suspended && each.now.state == wanted; });
    };
    for (const auto state : {engine::availability_state::ready, engine::availability_state::stopped,
                             engine::availability_state::loading, engine::availability_state::broken}) {
        if (any(state)) {
            return word_of(state);
        }
    }
    return all.empty() ? "no model is configured" : "stopped";
}

core::awaitable<void> serve_healthz(http::response_writer& out) {
    http::response whole;
    whole.content_type = json_type;
    whole.body = R"({"status":"ok"})";
    co_await out.send(std::move(whole));
}

// The body of /readyz and whether it stands for ready.
struct readiness {
    bool ready = false;
    std::string body;
};

void write_queue(json_writer& json, const scheduler::queue_snapshot& queue) {
    json.key("queue").begin_object();
    json.count("waiting", queue.waiting).count("running", queue.running).key("estimate_seconds");
    if (queue.estimate) {
        json.number(queue.estimate->count());
    } else {
        json.tree(nullptr);
    }
    json.count("swaps", queue.swaps);
    json.end_object();
}

void write_warnings(json_writer& json, const api_context& context) {
    const auto warnings = context.warnings ? context.warnings() : std::vector<std::string>{};
    if (warnings.empty()) {
        return;
    }
    json.key("warnings").begin_array();
    for (const std::string& text : warnings) {
        json.text(text);
    }
    json.end_array();
}

// What 'corral explain' knows of a reason.
void write_ids(json_writer& json, const core::reason& reason) {
    const std::vector<std::string_view> ids = reason.ids();
    if (ids.empty()) {
        return;
    }
    json.key("ids").begin_array();
    for (const std::string_view id : ids) {
        json.text(id);
    }
    json.end_array();
}

void write_instances(json_writer& json, const std::vector<scheduler::instance_state>& all) {
    if (all.empty()) {
        return;
    }
    json.key("instances").begin_array();
    for (const scheduler::instance_state& each : all) {
        const engine::availability now = each.backend->available();
        json.begin_object().member("cards", catalog::card_set_text(each.claim.cards));
        json.member("state", word_of(now.state)).member("reason", now.reason);
        json.count("tier", each.backend->model().tier);
        json.count("running", each.in_use).end_object();
    }
    json.end_array();
}

// States and counts are for everybody; names, places and reasons only where `names` says so.
readiness describe_readiness(const api_context& context, bool names) {
    const generation::model_directory& models = *context.models;
    const scheduler::scheduler& admission = *context.admission;
    std::map<std::string_view, model_state> deployments;  // clients may have made a thousand names for one
    std::vector<model_state> states;
    for (const generation::served& each : models.all()) {
        auto found = deployments.find(each->deployment);
        if (found == deployments.end()) {
            found = deployments.emplace(each->deployment, look_at(*each, admission)).first;
        }
        states.push_back(found->second);
    }
    const box_condition box = box_of(context);
    const member_verdict* const kept = judge_box(box);
    readiness out;
    json_writer json;
    json.begin_object().member("status", kept != nullptr ? kept->status : overall(states));
    if (box.closed) {
        json.member("reason", context.closed);
    }
    write_queue(json, admission.snapshot());
    json.key("models").begin_array();
    for (std::size_t i = 0; i < states.size(); ++i) {
        const engine::availability& state = states[i].now;
        const bool answers = state.state == engine::availability_state::ready ||
                             state.state == engine::availability_state::stopped;
        out.ready = out.ready || (answers && !states[i].suspended && kept == nullptr);
        json.begin_object();
        if (names) {
            json.member("name", models.all()[i]->name);
        }
        json.member("state", word_of(states[i]));
        if (names) {
            json.member("reason", state.reason);
            write_ids(json, state.reason);
        }
        if (names && state.next_try) {
            const core::nanoseconds left = *state.next_try - context.clock->now();
            json.key("next_try_seconds")
                .number(std::max<std::int64_t>(0, std::chrono::ceil<core::seconds>(left).count()));
        }
        json.key("progress");
        if (state.progress) {
            json.real(*state.progress);
        } else {
            json.tree(nullptr);
        }
        if (state.state == engine::availability_state::loading && !states[i].suspended) {
            json.count("waiting", states[i].waiting);
        }
        if (state.left) {
            json.key("left_seconds").number(state.left->count());
        }
        if (names && !state.warning.empty()) {
            json.member("warning", state.warning);
        }
        if (names && !states[i].served_by.empty()) {
            json.member("served_by", states[i].served_by);
        }
        if (names) {
            write_instances(json, states[i].instances);
        }
        json.end_object();
    }
    json.end_array();
    if (names) {
        write_warnings(json, context);
    }
    json.end_object();
    out.body = json.take();
    return out;
}

core::awaitable<void> serve_readyz(const api_context& context, const http::request& incoming,
                                   http::response_writer& out) {
    if (asks_for_model(incoming.query)) {
        co_await out.send(model_readiness(context, incoming));
        co_return;
    }
    const bool names = context.closed.empty() && may_read_names(context.keys, incoming);
    readiness now = describe_readiness(context, names);
    http::response whole;
    whole.status = now.ready ? 200 : 503;
    whole.content_type = json_type;
    whole.body = std::move(now.body);
    co_await out.send(std::move(whole));
}

core::awaitable<void> serve_metrics(const api_context& context, const http::request& incoming,
                                    http::response_writer& out) {
    http::response whole;
    whole.content_type = telemetry::metrics::content_type;
    std::function<void()> work = [&whole, page = context.metrics()] { whole.body = page(); };
    auto writing = core::run_on(context.decoding, std::move(work), incoming.client);
    co_await std::move(writing);
    co_await out.send(std::move(whole));
}

}  // namespace

void add_health_routes(http::router& routes, const api_context& context) {
    for (const char* method : {"GET", "HEAD"}) {
        routes.add(method, "/healthz",
                   [](const http::request&, http::response_writer& out) { return serve_healthz(out); });
        routes.add(method, "/readyz", [context](const http::request& incoming, http::response_writer& out) {
            return serve_readyz(context, incoming, out);
        });
        if (context.metrics) {
            routes.add(method, "/metrics",
                       [context](const http::request& incoming, http::response_writer& out) {
                           return serve_metrics(context, incoming, out);
                       });
        }
    }
}

}  // namespace corral::api
