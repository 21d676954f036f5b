#include "corral/monitor/service_meter.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace corral::monitor {

namespace {

using supervisor::service_state;
using supervisor::trouble;

constexpr std::array restarting{trouble::crash, trouble::hang, trouble::failed_start, trouble::intruder};
constexpr std::array all_states{service_state::stopped,  service_state::starting, service_state::ready,
                                service_state::stopping, service_state::waiting,  service_state::broken};

telemetry::metric_labels with(telemetry::metric_labels labels, const char* name, const char* value) {
    labels.emplace_back(name, value);
    return labels;
}

void collect_state(telemetry::metric_page& page, const telemetry::metric_labels& at,
                   const supervisor::service_status& now, core::steady_time when) {
    for (const service_state each : all_states) {
        page.gauge("corral_service_state", "1 for the current state of the service, 0 for the others.",
                   with(at, "state", supervisor::to_string(each)), now.state == each ? 1 : 0);
    }
    const bool ready = now.state == service_state::ready;
    const double held = ready ? std::chrono::duration<double>(when - now.since).count() : 0;
    page.gauge("corral_service_ready_seconds", "Time that the service has been ready; 0 when it is not.", at,
               held);
    page.gauge("corral_service_breaker_open",
               "1 while the breaker of the service is open after too many failures, else 0.", at,
               now.state == service_state::broken ? 1 : 0);
    page.counter("corral_service_starts_total", "Processes started for the service.", at,
                 static_cast<double>(now.starts));
}

void collect_tally(telemetry::metric_page& page, const telemetry::metric_labels& at,
                   const service_tally& seen) {
    for (const trouble each : restarting) {
        const auto found = seen.troubles.find(each);
        page.counter("corral_service_restarts_total",
                     "Restarts of the service because of its own failures, by cause.",
                     with(at, "cause", supervisor::to_string(each)),
                     found == seen.troubles.end() ? 0 : static_cast<double>(found->second));
    }
    page.counter("corral_service_breaker_opened_total", "Times that the breaker of the service opened.", at,
                 static_cast<double>(seen.breaker_opened));
}

}  // namespace

std::optional<core::nanoseconds> tally(service_tally& into, const supervisor::transition_record& step) {
    if (step.failure == trouble::breaker) {
        ++into.breaker_opened;
    } else if (step.failure != trouble::none) {
        ++into.troubles[step.failure];
    }
    if (step.to == service_state::starting) {
        // A start that failed and is tried again stays in its state; the new process begins now.
        if (step.from != service_state::starting || step.failure != trouble::none) {
            into.started = step.at;
        }
        return std::nullopt;
    }
    const core::steady_time started = std::exchange(into.started, core::steady_time{});
    if (step.to != service_state::ready || started == core::steady_time{}) {
        return std::nullopt;
    }
    return step.at - started;
}

class service_meter::watched final : public supervisor::group_observer {
public:
    watched(telemetry::metrics& figures, std::string name, supervisor::group& group)
        : services(&group), label(std::move(name)), figures_(figures) {
        const auto before = group.history();
        seen_ = before.empty() ? 0 : before.back().number;
        group.add_observer(this);
    }
    watched(const watched&) = delete;
    watched& operator=(const watched&) = delete;
    ~watched() override { services->remove_observer(this); }

    void on_output(std::string_view, process::output_stream, std::string_view) override {}

    void on_status(const supervisor::service_status&) override {
        const auto all = services->history();
        for (const supervisor::transition_record& each : all) {
            if (each.number <= seen_) {
                continue;
            }
            seen_ = each.number;
            if (const auto took = tally(tallies_[each.service], each)) {
                figures_.note_load(label, each.service, *took);
            }
        }
    }

    void collect(telemetry::metric_page& page, core::steady_time now) const {
        for (const supervisor::service_status& each : services->status()) {
            const telemetry::metric_labels at{{"backend", label}, {"service", each.name}};
            collect_state(page, at, each, now);
            const auto found = tallies_.find(each.name);
            collect_tally(page, at, found == tallies_.end() ? service_tally{} : found->second);
        }
    }

    supervisor::group* const services;
    const std::string label;

private:
    telemetry::metrics& figures_;
    std::map<std::string, service_tally> tallies_;
    std::uint64_t seen_ = 0;
};

service_meter::service_meter(telemetry::metrics& figures) : figures_(figures) {}
service_meter::~service_meter() = default;

void service_meter::watch(const std::string& label, supervisor::group& services) {
    watched_.push_back(std::make_unique<watched>(figures_, label, services));
}

void service_meter::forget(const supervisor::group& services) {
    std::erase_if(watched_, [&](const auto& each) { return each->services == &services; });
}

void service_meter::collect(telemetry::metric_page& page, core::steady_time now) const {
    for (const auto& each : watched_) {
        each->collect(page, now);
    }
}

}  // namespace corral::monitor
