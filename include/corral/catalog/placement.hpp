#pragma once
// A model as one set of processes: on which of its cards, and what that set is called.

#include <string>
#include <vector>

#include "corral/catalog/profile.hpp"

namespace corral::catalog {

// "0", "0,1": as {devices} stands in commands.
[[nodiscard]] std::string card_set_text(const card_set& cards);

// `model` as the set of processes on `cards`, of which the first is the one that the status tool is asked
// about where it can be asked about one only.
[[nodiscard]] model_entry entry_at(const model_entry& model, const card_set& cards);

// What logs, status, crash bundles and the admin socket call the set of processes that `model` (an entry of
// entry_at()) stands for: the model's name where it can run in one place only, else with the place,
// "qwen3:4b@0,1", and that of a fallback with its tier, "qwen3:4b@fallback1", "qwen3:4b@fallback1:0". No name
// of a model holds an '@'.
[[nodiscard]] std::string label_of(const model_entry& model);

// An entry for every set of processes that a model of the configuration may have: its own places, then those
// of its fallbacks, tier by tier.
[[nodiscard]] std::vector<model_entry> places_of(const model_entry& model);

// True when both start the same processes and use them alike: all but names, places, what decides when a
// model is loaded, and what was merely found in its package.
[[nodiscard]] bool same_processes(const model_entry& a, const model_entry& b);

}  // namespace corral::catalog
