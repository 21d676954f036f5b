#pragma once
// What a group of services means for those who want a model of it.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/core/time.hpp"
#include "corral/engine/backend.hpp"
#include "corral/supervisor/group.hpp"

namespace corral::engine {

// A broken connection comes before the report of the process's end; this long it is waited for.
constexpr core::seconds notice_of_death{2};
// Our own loop was so late during a silence: then the whole box stood still, and not for a prompt.
constexpr core::seconds stalled_box{1};

// As backend::outside_faults().
[[nodiscard]] std::uint64_t outside_faults_of(const supervisor::group& group);
// `runtime`: the service whose load is the model's.
[[nodiscard]] availability availability_of(const supervisor::group& group, std::string_view runtime);

// As availability::load.
[[nodiscard]] std::optional<core::nanoseconds> load_of(
    const std::vector<supervisor::service_status>& services);

// Before a run: nothing when all services are there and at sockets of their own, else the end that it comes to
// without having begun. A process that has just died is missed before its end is known; that is waited for, or
// retries at once would all be used up in that moment. `on_end` (may be empty) hears of that end.
[[nodiscard]] core::awaitable<std::optional<run_outcome>> refused_run(
    supervisor::group& group, std::string runtime, const run_control& control,
    const core::clock_source& clock, const std::function<void(const run_outcome&)>& on_end);

}  // namespace corral::engine
