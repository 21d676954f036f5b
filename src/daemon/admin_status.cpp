#include "admin_verbs.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

#include <unistd.h>

#include "corral/catalog/placement.hpp"
#include "corral/core/say.hpp"
#include "corral/core/time.hpp"
#include "corral/generation/readiness.hpp"
#include "corral/monitor/device_figures.hpp"
#include "corral/supervisor/group.hpp"
#include "corral/version.hpp"

namespace corral::daemon {

namespace {

double seconds_of(core::nanoseconds span) {
    constexpr double per_second = 1000.0;
    return std::round(std::chrono::duration<double>(span).count() * per_second) / per_second;
}

// The wall clock may have jumped since; the age beside it counts.
std::string wall_stamp(core::nanoseconds age) {
    return core::utc_text(std::chrono::system_clock::now() -
                          std::chrono::duration_cast<core::wall_time::duration>(age));
}

control::admin_json percent_or_null(const std::optional<double>& progress) {
    return progress ? control::admin_json(std::round(*progress * 1000.0) / 10.0)
                    : control::admin_json(nullptr);
}

control::admin_json seconds_or_null(const std::optional<core::seconds>& left) {
    return left ? control::admin_json(left->count()) : control::admin_json(nullptr);
}

control::admin_json service_json(const supervisor::service_status& service, core::steady_time now) {
    const core::nanoseconds age = std::max(core::nanoseconds{0}, core::nanoseconds(now - service.since));
    control::admin_json out;
    out["name"] = service.name;
    out["state"] = supervisor::to_string(service.state);
    out["since"] = wall_stamp(age);
    out["for_seconds"] = seconds_of(age);
    out["pid"] = service.pid != 0 ? control::admin_json(service.pid) : control::admin_json(nullptr);
    out["starts"] = service.starts;
    out["reason"] = service.reason.text();
    out["causes"] = service.reason.causes();
    out["ids"] = service.reason.ids();
    out["advice"] = service.advice;
    out["next_try_seconds"] = nullptr;
    if (service.next_try) {
        out["next_try_seconds"] = seconds_of(core::deadline(*service.next_try).left(now));
    }
    out["progress_percent"] = percent_or_null(service.progress);
    out["left_seconds"] = seconds_or_null(service.left);
    out["warning"] = service.warning;
    return out;
}

const char* word_of(const engine::availability& now) {
    switch (now.state) {
        case engine::availability_state::ready:
            return "ready";
        case engine::availability_state::loading:
            return now.leaves ? "stopping" : "loading";
        case engine::availability_state::broken:
            return "broken";
        case engine::availability_state::stopped:
            break;
    }
    return "unloaded";
}

// Other names under which clients use the same processes.
control::admin_json names_beside(const admin_context& context, const std::string& deployment) {
    control::admin_json out = control::admin_json::array();
    for (const generation::served& each : context.running->models().all()) {
        if (each->deployment == deployment && each->name != deployment) {
            out.push_back(each->name);
        }
    }
    return out;
}

double tenths(double value) {
    return std::round(value * 10.0) / 10.0;
}

control::admin_json compute_json(const device::compute_state& seen) {
    control::admin_json out;
    out["verdict"] = device::to_string(seen.verdict);
    out["text"] = seen.text.text();
    if (seen.verdict != device::compute_verdict::unknown) {
        out["npu_mean_percent"] = tenths(seen.npu_mean);
        out["npu_most_percent"] = seen.npu_most;
        out["cpu_cores"] = tenths(seen.busy_cores);
    }
    return out;
}

control::admin_json reuse_json(const engine::reuse_report& seen) {
    control::admin_json out = {{"state", seen.state},
                               {"why", seen.why},
                               {"runs", seen.runs},
                               {"continued", seen.continued},
                               {"prompt_tokens", seen.prompt_tokens},
                               {"cached_tokens", seen.cached_tokens},
                               {"mistaken", seen.mistaken}};
    if (seen.ahead_made > 0) {
        out["ahead"] = {{"made", seen.ahead_made},
                        {"hits", seen.ahead_hits},
                        {"seconds_saved", seconds_of(seen.ahead_saved)},
                        {"seconds_others_waited", seconds_of(seen.ahead_waited)}};
    }
    return out;
}

// How much it holds, and null where nothing is known, or nothing is on its way.
control::admin_json growth_json(const engine::growth_report& seen) {
    control::admin_json out = {{"renewal_helps", seen.renewal_helps}, {"renewals", seen.renewals}};
    out["resources"] = control::admin_json::array();
    constexpr double seconds_of_an_hour = 3600;
    for (const engine::growth_report::resource& each : seen.resources) {
        control::admin_json one = {{"name", process::to_string(each.which)}, {"held", each.held}};
        one["limit"] = each.limit > 0 ? control::admin_json(each.limit) : control::admin_json(nullptr);
        one["per_hour"] = each.per_hour;
        one["hours_left"] = each.left ? control::admin_json(core::as_seconds(*each.left) / seconds_of_an_hour)
                                      : control::admin_json(nullptr);
        one["given_back"] =
            each.given_back ? control::admin_json(*each.given_back) : control::admin_json(nullptr);
        out["resources"].push_back(std::move(one));
    }
    return out;
}

// What no file says and this run has shown; null: not yet.
control::admin_json learned_json(engine::backend& runtime) {
    control::admin_json out;
    const std::uint32_t positions = runtime.facts().context_length;
    out["positions"] = positions > 0 ? control::admin_json(positions) : control::admin_json(nullptr);
    const auto known = [](auto value) {
        return value > 0 ? control::admin_json(value) : control::admin_json(nullptr);
    };
    const engine::learned_sizes learned = runtime.learned();
    out["prompt_limit"] = known(learned.prompt_limit);
    out["chunk"] = known(learned.chunk);
    out["tokens_per_letter"] = known(learned.tokens_per_letter);
    const engine::stated_model stated = runtime.stated();
    out["parameter_size"] = stated.parameter_size;
    out["quantization"] = stated.quantization;
    // The model's is that of the last: a tokenizer that came up is no loaded model.
    const std::vector<supervisor::service_status> services = runtime.services().status();
    const bool loaded = !services.empty() && services.back().usual_load;
    out["load_seconds"] =
        loaded ? control::admin_json(seconds_of(*services.back().usual_load)) : control::admin_json(nullptr);
    return out;
}

// Of a model as a whole, or of one of its instances.
void add_state(control::admin_json& to, const engine::availability& state, bool suspended, bool lives) {
    to["state"] = suspended ? (lives ? "stopping" : "stopped") : word_of(state);
    to["reason"] = suspended ? std::string("stopped by its operator") : state.reason.text();
    to["progress_percent"] = percent_or_null(state.progress);
    to["left_seconds"] = seconds_or_null(state.left);
    to["warning"] = state.warning;
}

// What each set of processes has of its own.
void add_processes(control::admin_json& to, const admin_context& context, engine::backend& runtime,
                   core::steady_time now) {
    const catalog::model_entry& entry = runtime.model();
    if (const auto tiers = context.running->admission().tiers_of(entry.name)) {
        const bool serves = tiers->serving == entry.tier;
        to["tier"] = {{"number", entry.tier},
                      {"serves", serves},
                      {"changes", tiers->changes},
                      {"why", serves ? tiers->why : std::string()}};
    }
    const engine::device_claim claim = runtime.claim();
    to["memory"] = {{"cards", claim.cards},
                    {"mb", claim.memory_mb},
                    {"measured", claim.measured},
                    {"after_unload", context.cards->after_unload(runtime)}};
    if (const device::compute_state* const seen = context.compute->of(runtime)) {
        to["compute"] = compute_json(*seen);
    }
    const engine::backend_report report = runtime.report();
    if (!report.reuse.state.empty()) {
        to["reuse"] = reuse_json(report.reuse);
    }
    if (const engine::speed_report& seen = report.speed; seen.slower > 0 || seen.renewals > 0) {
        to["speed"] = {{"slower", seen.slower},
                       {"renewal_helps", seen.renewal_helps},
                       {"renewals", seen.renewals},
                       {"gained", seen.gained}};
    }
    if (const engine::growth_report& seen = report.growth; !seen.resources.empty() || seen.renewals > 0) {
        to["growth"] = growth_json(seen);
    }
    to["services"] = control::admin_json::array();
    for (const supervisor::service_status& service : runtime.services().status()) {
        to["services"].push_back(service_json(service, now));
        const telemetry::line_ring* const ring = runtime.services().output_of(service.name);
        to["services"].back()["routine_lines"] = ring != nullptr ? ring->routine() : 0;
    }
}

bool lives(const engine::availability& state) {
    return state.state != engine::availability_state::stopped;
}

control::admin_json instance_json(const admin_context& context, engine::backend& runtime, bool suspended,
                                  core::steady_time now) {
    const engine::availability state = runtime.available();
    control::admin_json out;
    out["name"] = catalog::label_of(runtime.model());
    add_state(out, state, suspended, lives(state));
    out["ids"] = state.reason.ids();
    add_processes(out, context, runtime, now);
    return out;
}

// `all`: its instances, at least one.
control::admin_json model_json(const admin_context& context, const std::vector<engine::backend*>& all,
                               core::steady_time now) {
    const catalog::model_entry& entry = all.front()->model();
    const std::string& name = entry.name;
    const scheduler::scheduler& admission = context.running->admission();
    const bool suspended = admission.suspended(name);
    const engine::availability state =
        all.size() == 1 ? all.front()->available() : generation::availability_of(admission, name);
    const scheduler::model_queue queue = admission.queue_of(name);
    control::admin_json out;
    out["name"] = name;
    out["model"] = name;
    if (control::admin_json others = names_beside(context, name); !others.empty()) {
        out["also"] = std::move(others);
    }
    const auto of_model = [&name](const engine::backend* one) { return one->model().name == name; };
    add_state(out, state, suspended,
              std::ranges::any_of(all, [](engine::backend* one) { return lives(one->available()); }) ||
                  std::ranges::any_of(context.running->not_stopped(), of_model));
    out["waits"] = queue.why.text();
    out["ids"] = (suspended           ? core::say("request.model-stopped", name)
                  : queue.why.empty() ? state.reason
                                      : queue.why)
                     .ids();
    out["pinned"] = entry.pinned;
    const std::optional<core::steady_time> expires = admission.residence_of(name).expires;
    out["unload_seconds"] = expires ? control::admin_json(seconds_of(core::deadline(*expires).left(now)))
                                    : control::admin_json(nullptr);
    engine::backend* const best = admission.runtime_of(name);
    out["learned"] = learned_json(best != nullptr ? *best : *all.front());
    out["queue"] = {{"waiting", queue.waiting}, {"running", queue.running}};
    out["aliases"] = entry.aliases;
    out["source"] = entry.source.string();
    if (all.size() == 1) {
        add_processes(out, context, *all.front(), now);
        return out;
    }
    out["instances"] = control::admin_json::array();
    for (engine::backend* const one : all) {
        out["instances"].push_back(instance_json(context, *one, suspended, now));
    }
    return out;
}

// One for each model, in the order of its first instance.
control::admin_json models_json(const admin_context& context, core::steady_time now) {
    std::vector<std::vector<engine::backend*>> models;
    for (const auto& runtime : context.running->backends()) {
        const auto known = std::ranges::find_if(models, [&](const auto& instances) {
            return instances.front()->model().name == runtime->model().name;
        });
        if (known != models.end()) {
            known->push_back(runtime.get());
        } else {
            models.push_back({runtime.get()});
        }
    }
    control::admin_json out = control::admin_json::array();
    for (const auto& instances : models) {
        out.push_back(model_json(context, instances, now));
    }
    return out;
}

control::admin_json lines_of(const std::vector<catalog::diagnostic>& problems) {
    control::admin_json out = control::admin_json::array();
    for (const catalog::diagnostic& problem : problems) {
        out.push_back(catalog::to_text(problem));
    }
    return out;
}

control::admin_json left_out_json(const config::configuration& settings) {
    control::admin_json out = control::admin_json::array();
    for (const config::left_out_manifest& one : settings.left_out) {
        out.push_back(
            {{"file", one.file.string()}, {"name", one.name}, {"problems", lines_of(one.problems)}});
    }
    return out;
}

control::admin_json moment_json(const monitor::boot_moment& when) {
    return {{"after_power_on", seconds_of(when.since_power_on)},
            {"after_start", seconds_of(when.since_start)}};
}

control::admin_json boot_json(const monitor::boot_times& of) {
    control::admin_json out;
    out["started"] = moment_json(of.started());
    out["listening"] = of.listening() ? moment_json(*of.listening()) : control::admin_json(nullptr);
    out["models"] = control::admin_json::array();
    for (const monitor::boot_times::loaded_model& each : of.models()) {
        out["models"].push_back(moment_json(each.when));
        out["models"].back()["name"] = each.name;
    }
    out["first_answer"] = of.first_answer() ? moment_json(*of.first_answer()) : control::admin_json(nullptr);
    return out;
}

control::admin_json in_place_json(const config::stand_in& of) {
    return {{"served", of.served}, {"problems", lines_of(of.problems)}};
}

}  // namespace

control::admin_json status_json(const admin_context& context) {
    const core::steady_time now = context.clock->now();
    const scheduler::queue_snapshot queue = context.running->admission().snapshot();
    control::admin_json out;
    out["ok"] = true;
    out["name"] = context.settings->box_name;
    out["version"] = version;
    out["pid"] = ::getpid();
    out["uptime_seconds"] = seconds_of(now - context.started);
    if (context.boot != nullptr) {
        out["boot"] = boot_json(*context.boot);
    }
    out["reloads"] = context.reloads();
    out["shutting_down"] = context.running->admission().refuses_new();
    out["drained"] = context.drained && context.drained();
    const upgrade::upgrade_report upgrade = context.upgrades();
    out["upgrade"] = {
        {"under_way", upgrade.under_way}, {"status", upgrade.status}, {"failure", upgrade.failure}};
    out["queue"] = {{"waiting", queue.waiting}, {"running", queue.running}};
    out["swaps"] = {{"loads", queue.swaps}, {"evictions", queue.evictions}, {"overtaken", queue.overtaken}};
    out["devices"] = monitor::device_figures(*context.devices, now);
    out["configuration"] = context.settings_file;
    out["state_directory"] = context.settings->state_directory.string();
    out["lost_bundle"] = context.lost_bundle ? context.lost_bundle() : std::string();
    out["log_content"] = context.settings->log_content;
    out["url"] = context.url ? context.url() : std::string();
    out["closed"] = context.closed ? context.closed() : std::vector<std::string>{};
    out["kept"] = context.kept ? context.kept() : std::vector<std::string>{};
    if (context.settings->in_place) {
        out["in_place"] = in_place_json(*context.settings->in_place);
    }
    out["left_out"] = left_out_json(*context.settings);
    out["models"] = models_json(context, now);
    return out;
}

}  // namespace corral::daemon
