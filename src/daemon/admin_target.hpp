#pragma once
// What the target of an admin verb means: all models, one, one of its instances, or one service. Decides only.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "corral/engine/backend.hpp"
#include "corral/generation/model_directory.hpp"
#include "corral/scheduler/scheduler.hpp"

namespace corral::daemon {

// What a verb is about.
struct admin_target {
    std::vector<std::string> models;  // as the scheduler knows them
    std::string label;                // of one instance of the only model; empty: all of them
    std::string service;              // of the only model; empty: all
    std::string problem;              // for the person; nothing else counts then
    bool unknown = false;             // the problem is that there is no such model or service
};

// What there is to name.
struct known_targets {
    const std::vector<std::unique_ptr<engine::backend>>& backends;
    const generation::model_directory& models;
    const scheduler::scheduler& admission;
};

// "qwen3:4b@1", or by another name of the model: the only instance that `typed` can mean; nullptr: none.
[[nodiscard]] engine::backend* instance_named(const known_targets& among, std::string_view typed);

// `target`: MODEL, MODEL@CARDS, one of them and /SERVICE, or empty for all models. A problem too while the server is
// shutting down.
[[nodiscard]] admin_target resolve_target(const known_targets& among, const std::string& target);

}  // namespace corral::daemon
