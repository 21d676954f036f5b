#pragma once
// What a reload is about to do, while it is prepared and until it is applied.

#include <memory>
#include <string>
#include <vector>

#include "corral/fleet/reload.hpp"

namespace corral::fleet {

// The process sets of one deployment as they will be, in the order of its places.
struct reloader::deployment_change {
    struct place {
        catalog::model_entry entry;
        engine::backend* stays = nullptr;        // it is there already, and goes on
        std::unique_ptr<engine::backend> comes;  // in its place, or anew
    };
    std::string name;
    std::vector<place> places;
};

// What must succeed before anything is changed.
struct reloader::newcomers {
    std::vector<config::deployment> deployments;
    std::vector<deployment_change> changes;                 // one for each of them
    std::shared_ptr<config::credential_files> credentials;  // nullptr: those there are stay
};

}  // namespace corral::fleet
