#pragma once
// Waiting for a model without taking a place in the queue.

#include <optional>

#include "corral/chat/generation_event.hpp"
#include "corral/core/async.hpp"
#include "corral/engine/backend.hpp"
#include "corral/scheduler/scheduler.hpp"

namespace corral::api {

// Loads the model of `runtime` if need be and keeps it from being unloaded meanwhile. Nothing once it is
// ready, on this runtime or another that took its place; else why it is not: broken, stopped by its operator,
// removed, `longest` has passed, the server is shutting down, or the waiting coroutine was cancelled.
[[nodiscard]] core::awaitable<std::optional<chat::failed_event>> wait_ready(engine::backend& runtime,
                                                                            scheduler::scheduler& admission,
                                                                            core::nanoseconds longest);

}  // namespace corral::api
