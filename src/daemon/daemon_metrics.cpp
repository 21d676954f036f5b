// What the daemon tells monitoring.

#include <chrono>

#include "corral/catalog/placement.hpp"
#include "corral/daemon/daemon.hpp"
#include "corral/monitor/metric_sources.hpp"

namespace corral::daemon {

namespace {

constexpr core::milliseconds loop_look{250};

}  // namespace

void daemon::open_metrics() {
    const double began =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    metrics_.collect_with([this, began](telemetry::metric_page& page) {
        const core::steady_time now = clock_.now();
        monitor::collect_build(page);
        monitor::collect_queue(page, *scheduler_);
        monitor::collect_models(page, *scheduler_, backends_);
        meter_.collect(page, now);
        monitor::collect_compute(page, compute_, backends_);
        monitor::collect_devices(page, devices_, now);
        monitor::collect_server(page, server_->stats());
        monitor::collect_process(page);
        page.gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", {},
                   began);
    });
    for (const auto& runtime : backends_) {
        meter(*runtime);
    }
}

void daemon::meter(engine::backend& runtime) {
    const std::string label = catalog::label_of(runtime.model());
    metrics_.expect(runtime.model().name, label);
    meter_.watch(label, runtime.services());
}

// A loop that is late makes everybody wait, and nothing else shows it.
core::awaitable<void> daemon::measure_lateness() {
    bool awake = true;
    while (awake) {
        const core::steady_time wanted = clock_.now() + loop_look;
        awake = co_await core::sleep_for(loop_look);
        metrics_.note_lateness(clock_.now() - wanted);
    }
}

}  // namespace corral::daemon
