#pragma once
// What monitoring asks at a scrape: the queue, the models, the cards and this process, as they stand in
// memory. Nothing is measured anew but what the kernel says of this process.

#include <memory>
#include <vector>

#include "corral/device/reader.hpp"
#include "corral/engine/backend.hpp"
#include "corral/http/server.hpp"
#include "corral/monitor/compute_watch.hpp"
#include "corral/scheduler/scheduler.hpp"
#include "corral/telemetry/metrics.hpp"

namespace corral::monitor {

void collect_build(telemetry::metric_page& page, const std::string& box);
void collect_queue(telemetry::metric_page& page, const scheduler::scheduler& admission);
// By the names of the configuration.
void collect_models(telemetry::metric_page& page, const scheduler::scheduler& admission,
                    const std::vector<std::unique_ptr<engine::backend>>& backends);
// What the accelerators do while answers are made.
void collect_compute(telemetry::metric_page& page, const compute_watch& watch,
                     const std::vector<std::unique_ptr<engine::backend>>& backends);
// The last answer of each tool; a card that two tools know is the first one's.
void collect_devices(telemetry::metric_page& page, const device::reader_set& tools, core::steady_time now);
void collect_process(telemetry::metric_page& page);
void collect_server(telemetry::metric_page& page, const http::server_stats& now);

}  // namespace corral::monitor
