#pragma once
// Why a model is not loaded, for people.

#include <vector>

#include "corral/core/reason.hpp"
#include "scheduler/placement_policy.hpp"

namespace corral::scheduler {

// "waits for room on card 0, which qwen3:4b holds until its 2 running answers end"
[[nodiscard]] core::reason text_of_wait(const box_view& box, const instance_view& wanted,
                                        const std::vector<victim>& victims);
// Nobody is asked to go, but it does not fit yet: others are on their way down.
[[nodiscard]] core::reason text_of_leaving(const box_view& box, const instance_view& wanted);
// The model `first` has waited for longer.
[[nodiscard]] core::reason text_of_turn(const box_view& box, const instance_view& wanted, std::size_t first);
// `loading` loads on one of its cards.
[[nodiscard]] core::reason text_of_load_before(const box_view& box, const instance_view& wanted,
                                               const instance_view& loading);
// Why `model` fits on none of its instances, with figures, and what to do.
[[nodiscard]] core::reason text_of_hopeless(const box_view& box, std::size_t model);

}  // namespace corral::scheduler
