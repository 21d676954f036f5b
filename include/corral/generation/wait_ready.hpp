#pragma once
// Waiting for a model without taking a place in the queue, for requests that only load it: a chat waits in
// scheduler::acquire().

#include <optional>
#include <string>

#include "corral/chat/generation_event.hpp"
#include "corral/core/async.hpp"
#include "corral/scheduler/scheduler.hpp"

namespace corral::generation {

// Loads that model of the scheduler if need be and keeps it from being unloaded meanwhile. Nothing once an
// instance of it is ready; else why none is: broken, stopped by its operator, removed, `longest` has passed,
// the server is shutting down, or the waiting coroutine was cancelled.
[[nodiscard]] core::awaitable<std::optional<chat::failed_event>> wait_ready(std::string deployment,
                                                                            scheduler::scheduler& admission,
                                                                            core::nanoseconds longest);

}  // namespace corral::generation
