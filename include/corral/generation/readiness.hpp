#pragma once
// How a model stands as a whole, over all its instances, and the wait until it is ready.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "corral/chat/generation_event.hpp"
#include "corral/core/async.hpp"
#include "corral/engine/backend.hpp"
#include "corral/generation/model_directory.hpp"
#include "corral/scheduler/scheduler.hpp"

namespace corral::generation {

// How a model stands as a whole, over all its instances.

// The most hopeful of its instances: a ready one serves, one that loads will, one that is stopped can be
// loaded. REQUIRES: `deployment` is a model of `admission`; of another it is stopped.
[[nodiscard]] engine::availability availability_of(const scheduler::scheduler& admission,
                                                   std::string_view deployment);

// Tokens of context, as one of its instances states them; 0 while none has.
[[nodiscard]] std::uint32_t context_length_of(const served_model& model);

// Waiting for a model without taking a place in the queue, for requests that only load it: a chat waits in
// scheduler::acquire().

// Loads that model of the scheduler if need be and keeps it from being unloaded meanwhile. Nothing once an
// instance of it is ready; else why none is: broken, stopped by its operator, removed, `longest` has passed,
// the server is shutting down, or the waiting coroutine was cancelled.
[[nodiscard]] core::awaitable<std::optional<chat::failed_event>> wait_ready(std::string deployment,
                                                                            scheduler::scheduler& admission,
                                                                            core::nanoseconds longest);

}  // namespace corral::generation
