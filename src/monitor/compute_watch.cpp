#include "corral/monitor/compute_watch.hpp"

#include <algorithm>
#include <utility>

#include "corral/catalog/placement.hpp"
#include "corral/core/wake_signal.hpp"
#include "corral/engine/device_tools.hpp"
#include "corral/process/footprint.hpp"
#include "corral/supervisor/group.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::monitor {

namespace {

using device::compute_verdict;

// Silent for longer, an answer is no longer being made, or that is unknown.
constexpr core::seconds longest_piece_gap{15};
// Between two looks at one that has shown that it computes, in intervals.
constexpr int relaxed_intervals = 10;

device::compute_options policy_options_of(const catalog::compute_rule& rule) {
    device::compute_options out;
    out.least_decode = rule.least_decode;
    out.least_samples = rule.least_samples;
    out.busy_cores = rule.busy_cores;
    out.host_cores = rule.threads != 0 ? rule.threads : process::usable_processors();
    out.low_percent = rule.low_percent;
    out.unit = rule.unit;
    return out;
}

// What the processes do for a request, or for several at once.
struct work_seen {
    bool any = false;
    bool elsewhere = false;  // for other processes; a request may move from there to here
    std::string decodes;     // the request whose tokens come; empty: none
};

work_seen work_of(const telemetry::run_journal& journal, const std::string& label, core::steady_time now) {
    work_seen out;
    for (const telemetry::run_record& each : journal.running(now)) {
        if (each.processes != label) {
            out.elsewhere = true;
            continue;
        }
        out.any = true;
        if (out.decodes.empty() && each.silent_for && *each.silent_for < longest_piece_gap) {
            out.decodes = each.id;
        }
    }
    return out;
}

// Of a device whose runtime uses one core of many, that one counts; of several cards the busiest.
std::optional<unsigned> busier(std::optional<unsigned> than, const device::device_look& look, unsigned card) {
    const device::card_figures* const found =
        look.problem == device::look_problem::none ? device::find_card(look.report, card) : nullptr;
    if (found == nullptr || !found->npu) {
        return than;
    }
    return std::max(than.value_or(0), std::max(*found->npu, found->npu_most.value_or(0)));
}

void tell_verdict(const std::string& label, compute_verdict before, const device::compute_state& now) {
    if (is_trouble(now.verdict)) {
        telemetry::warn(now.text, "model {}: {}", label, now.text);
    } else if (now.verdict == compute_verdict::underused) {
        telemetry::log().info("model {}: {}", label, now.text);
    } else if (now.verdict == compute_verdict::ok && is_trouble(before)) {
        telemetry::log().info(
            "model {}: answers are computed on the device again: {} event=compute.recovered", label,
            now.text);
    }
}

}  // namespace

bool is_trouble(compute_verdict verdict) noexcept {
    return verdict == compute_verdict::fallback || verdict == compute_verdict::suspected;
}

// One set of processes. Its task may outlive the interest in it.
class compute_watch::watched final {
public:
    watched(compute_watch& of, engine::backend& with)
        : box(&of),
          runtime(&with),
          label(catalog::label_of(with.model())),
          rule(with.model().runtime.device.compute),
          policy(policy_options_of(rule)),
          bell(of.tasks_.get_executor()) {
        const std::vector<unsigned> claimed = with.claim().cards;
        const unsigned only = with.model().runtime.device.card;
        for (const unsigned card : claimed.empty() ? std::vector<unsigned>{only} : claimed) {
            tools.push_back(
                of.tools_.find_or_make(engine::reader_options_of(with.model().runtime.device, card)));
        }
    }

    void leave() {
        box = nullptr;
        runtime = nullptr;
        bell.ring();
    }

    // Those that use the device, or all where none is known to. Others than before are judged without a past.
    void find_processes() {
        std::vector<pid_t> now;
        const auto& rules = runtime->model().runtime.services;
        const bool known =
            std::any_of(rules.begin(), rules.end(), [](const auto& one) { return one.device; });
        for (const supervisor::service_status& each : runtime->services().status()) {
            const bool uses = !known || std::any_of(rules.begin(), rules.end(), [&](const auto& one) {
                return one.device && one.name == each.name;
            });
            if (uses && each.pid != 0) {
                now.push_back(each.pid);
            }
        }
        if (now != processes) {
            processes = std::move(now);
            meter = std::make_shared<process::cpu_meter>();
            policy.on_restart();
        }
    }

    void take(const device::compute_sample& sample) {
        const compute_verdict before = policy.state().verdict;
        policy.on_sample(sample);
        const device::compute_state& now = policy.state();
        // The same hint once for these processes.
        const bool news = now.verdict != before && (now.verdict != compute_verdict::underused || !hinted_);
        hinted_ = hinted_ || now.verdict == compute_verdict::underused;
        if (news) {
            tell_verdict(label, before, now);
        }
    }

    compute_watch* box;        // nullptr: it is over
    engine::backend* runtime;  // the same
    const std::string label;
    const catalog::compute_rule rule;
    device::compute_policy policy;
    core::wake_signal bell;  // a request began, or it is over
    std::vector<std::shared_ptr<device::reader>> tools;
    std::vector<pid_t> processes;
    std::shared_ptr<process::cpu_meter> meter = std::make_shared<process::cpu_meter>();

private:
    bool hinted_ = false;
};

compute_watch::compute_watch(core::task_group& tasks, const core::clock_source& clock,
                             device::reader_set& tools, telemetry::run_journal& journal)
    : tasks_(tasks), clock_(clock), tools_(tools), journal_(journal) {
    journal_.on_begin([this] {
        for (const auto& each : watched_) {
            each->bell.ring();
        }
    });
}

compute_watch::~compute_watch() {
    journal_.on_begin({});
    for (const auto& each : watched_) {
        each->leave();
    }
}

void compute_watch::watch(engine::backend& runtime) {
    const catalog::model_entry& model = runtime.model();
    if (!engine::can_be_asked(model.runtime.device) || !model.runtime.device.compute.watch) {
        return;
    }
    watched_.push_back(std::make_shared<watched>(*this, runtime));
    tasks_.spawn("compute of " + watched_.back()->label, see(watched_.back()));
}

void compute_watch::forget(const engine::backend& runtime) {
    const auto found = std::find_if(watched_.begin(), watched_.end(),
                                    [&](const auto& each) { return each->runtime == &runtime; });
    if (found != watched_.end()) {
        (*found)->leave();
        watched_.erase(found);
    }
}

const device::compute_state* compute_watch::of(const engine::backend& runtime) const {
    const auto found = std::find_if(watched_.begin(), watched_.end(),
                                    [&](const auto& each) { return each->runtime == &runtime; });
    return found == watched_.end() ? nullptr : &(*found)->policy.state();
}

std::vector<std::string> compute_watch::warnings() const {
    std::vector<std::string> out;
    for (const auto& each : watched_) {
        if (is_trouble(each->policy.state().verdict)) {
            out.push_back("model " + each->label + ": " + each->policy.state().text);
        }
    }
    return out;
}

// Ends when the interest does, or with the tasks.
core::awaitable<void> compute_watch::see(std::shared_ptr<watched> about) {
    std::string decoded;  // the request that the last look was at
    bool goes_on = true;
    while (goes_on && about->box != nullptr) {
        const core::steady_time began = about->box->clock_.now();
        const work_seen now = work_of(about->box->journal_, about->label, began);
        if (now.decodes != decoded) {
            about->policy.on_pause();
            decoded = now.decodes;
        }
        if (!now.any) {
            const core::deadline until =
                now.elsewhere ? core::deadline(began + about->rule.interval) : core::deadline();
            const core::wake_reason why = co_await about->bell.wait(until);
            goes_on = why != core::wake_reason::cancelled;
            if (why == core::wake_reason::rung) {
                // A short answer tells nothing, and its first moments are no time to start a tool.
                goes_on = co_await core::sleep_for(about->rule.interval);
            }
            continue;
        }
        std::optional<unsigned> busy;
        for (const auto& tool : about->tools) {
            auto looking = tool->look(began);
            const device::device_look look = co_await std::move(looking);
            busy = busier(busy, look, tool->options().card);
        }
        if (about->box == nullptr) {
            co_return;
        }
        about->find_processes();
        std::function<process::cpu_time()> measuring = [meter = about->meter, roots = about->processes] {
            return meter->look(roots);
        };
        auto measured = about->box->looking_.run(about->label, std::move(measuring));
        const core::result<process::cpu_time> spent = co_await std::move(measured);
        if (about->box == nullptr) {
            co_return;
        }
        if (!spent) {
            about->processes.clear();  // without this look the figures before it say nothing
            const bool slept = co_await core::sleep_for(about->rule.interval);
            if (!slept) {
                co_return;
            }
            continue;
        }
        const core::steady_time at = about->box->clock_.now();
        const work_seen then = work_of(about->box->journal_, about->label, at);
        const bool decodes = !decoded.empty() && then.decodes == decoded;
        about->take({at, decodes, busy, spent->used, spent->waited});
        const core::nanoseconds pause =
            about->rule.interval * (about->policy.is_settled() ? relaxed_intervals : 1);
        // A slow tool is not called without a break.
        const core::nanoseconds least_break = about->rule.interval / 4;
        goes_on = co_await core::sleep_until(std::max(began + pause, at + least_break));
    }
}

}  // namespace corral::monitor
