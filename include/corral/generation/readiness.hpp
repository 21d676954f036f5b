#pragma once
// How a model stands as a whole, over all its instances.

#include <cstdint>
#include <string_view>

#include "corral/engine/backend.hpp"
#include "corral/generation/model_directory.hpp"
#include "corral/scheduler/scheduler.hpp"

namespace corral::generation {

// The most hopeful of its instances: a ready one serves, one that loads will, one that is stopped can be
// loaded. REQUIRES: `deployment` is a model of `admission`; of another it is stopped.
[[nodiscard]] engine::availability availability_of(const scheduler::scheduler& admission,
                                                   std::string_view deployment);

// Tokens of context, as one of its instances states them; 0 while none has.
[[nodiscard]] std::uint32_t context_length_of(const served_model& model);

}  // namespace corral::generation
