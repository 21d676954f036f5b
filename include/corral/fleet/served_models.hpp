#pragma once
// From the models of a configuration and what runs them to what clients are offered.

#include <memory>
#include <vector>

#include "corral/config/deployments.hpp"
#include "corral/engine/backend.hpp"
#include "corral/generation/model_directory.hpp"

namespace corral::fleet {

// Every model under its name and under each of its aliases, in the order of `models`. `backends` holds those
// of every deployment, each with its name and in the order of its places.
[[nodiscard]] std::vector<generation::served_model> served_models(
    const std::vector<catalog::model_entry>& models, const std::vector<config::deployment>& deployments,
    const std::vector<std::unique_ptr<engine::backend>>& backends);

}  // namespace corral::fleet
