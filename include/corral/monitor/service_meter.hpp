#pragma once
// Counts what becomes of the services for monitoring: troubles, openings of the breaker, how long loads take.
// Watches only.

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "corral/supervisor/group.hpp"
#include "corral/telemetry/metrics.hpp"

namespace corral::monitor {

// What happened to one service since it is watched.
struct service_tally {
    // By supervisor::trouble: crash, hang, failed_start, intruder. The breaker has a count of its own.
    std::map<supervisor::trouble, std::uint64_t> troubles;
    std::uint64_t breaker_opened = 0;
    core::steady_time started{};  // of the process that is not ready yet; zero: none is starting
};

// Takes one step of a service. How long its start took, when that step made it ready.
[[nodiscard]] std::optional<core::nanoseconds> tally(service_tally& into,
                                                     const supervisor::transition_record& step);

class service_meter {
public:
    // `figures` is borrowed and outlives this.
    explicit service_meter(telemetry::metrics& figures);
    service_meter(const service_meter&) = delete;
    service_meter& operator=(const service_meter&) = delete;
    ~service_meter();

    // Borrowed until forget(). `label`: what the place is called.
    void watch(const std::string& label, supervisor::group& services);
    void forget(const supervisor::group& services);

    void collect(telemetry::metric_page& page, core::steady_time now) const;

private:
    class watched;

    telemetry::metrics& figures_;
    std::vector<std::unique_ptr<watched>> watched_;
};

}  // namespace corral::monitor
