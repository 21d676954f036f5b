#pragma once

#include <atomic>
#include <cstdint>

#include "fault_switches.hpp"
#include "runtime/job_worker.hpp"
#include "runtime/llm_engine.hpp"
#include "runtime/vendor_http_server.hpp"
#include "settings_store.hpp"

namespace corral::sim {

struct route_counters {
    std::atomic<int> polls{0};
    std::atomic<int> generates{0};
    std::atomic<int> resets{0};
    std::atomic<int> stops{0};
    std::atomic<std::int64_t> last_poll_ns{0};
};

struct route_parts {
    settings_store& settings;
    fault_switches& faults;
    run_journal& journal;
    llm_engine& engine;
    job_worker& worker;
    route_counters& counters;
};

// The five routes of docs/facts/vendor_ax.md#routes. `parts` must outlive the server.
void add_vendor_routes(vendor_http_server& server, route_parts& parts);

}  // namespace corral::sim
