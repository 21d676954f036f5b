#pragma once
// What a group of services means for those who want a model of it.

#include <optional>
#include <string>
#include <string_view>

#include "corral/engine/backend.hpp"
#include "corral/supervisor/group.hpp"

namespace corral::engine {

// As backend::outside_faults().
[[nodiscard]] std::uint64_t outside_faults_of(const supervisor::group& of);
// `runtime`: the service whose load is the model's.
[[nodiscard]] availability availability_of(const supervisor::group& of, std::string_view runtime);

// Before a run: nothing when all services are there and at sockets of their own, else the end that it comes to
// without having begun. A process that has just died is missed before its end is known; that is waited for, or
// retries at once would all be used up in that moment.
[[nodiscard]] core::awaitable<std::optional<run_outcome>> refused_run(supervisor::group& of,
                                                                      std::string runtime,
                                                                      const run_control& control,
                                                                      const core::clock_source& clock);

}  // namespace corral::engine
