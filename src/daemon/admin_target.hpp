#pragma once
// What the target of an admin verb means: all models, one, one of its process sets, or one service.

#include <string>
#include <vector>

#include "corral/daemon/admin_context.hpp"

namespace corral::daemon {

// What a verb is about.
struct admin_target {
    std::vector<std::string> models;  // as the scheduler knows them
    std::string label;                // of one process set of the only model; empty: all of them
    std::string service;              // of the only model; empty: all
    std::string problem;              // for the person; nothing else counts then
};

// The `target` of `asked`: MODEL, MODEL@CARDS, one of them and /SERVICE, or none for all models. A problem
// too while the server is shutting down.
[[nodiscard]] admin_target resolve_target(const admin_context& of, const control::admin_json& asked);

}  // namespace corral::daemon
