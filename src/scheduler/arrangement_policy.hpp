#pragma once
// Which process sets to load, to unload and to give nothing more to do, so that those who wait get their
// model: the rule of swaps (corral/scheduler/scheduler.hpp) over all cards. Pure; from the same picture comes
// the same arrangement, and nothing of an earlier one has to be taken back.
//
// One process set at a time begins on a card whose room is known: it is measured while it loads.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "scheduler/placement_policy.hpp"

namespace corral::scheduler {

struct blocked_model {
    std::size_t model = 0;
    core::reason why;                  // see model_queue::why
    std::vector<std::size_t> behind;   // models in its way
    std::vector<std::size_t> serving;  // those of them that serve others first
    bool after_others = false;         // they are not loaded themselves yet
};

struct eviction_order {
    std::size_t instance = 0;
    std::size_t by = 0;  // the model that needs its room
};

struct arrangement {
    std::vector<std::size_t> start;  // instances
    std::vector<eviction_order> evict;
    std::vector<std::size_t> surplus;   // to be unloaded: more than may be there
    std::vector<std::size_t> drain;     // instances that get nothing more to do
    std::vector<eviction_order> yield;  // of these, whose jobs are to give way to a person
    std::vector<blocked_model> blocked;
    std::vector<std::pair<std::size_t, core::reason>> hopeless;  // models that nothing could make room for
    std::vector<std::size_t> preload_rejected;    // models that were to be loaded if there was room
    std::optional<core::steady_time> look_again;  // when time alone changes something
};

[[nodiscard]] arrangement arrange(const box_view& box, core::steady_time now);

}  // namespace corral::scheduler
