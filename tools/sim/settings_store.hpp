#pragma once

#include <mutex>

#include "scenario.hpp"

namespace corral::sim {

// The scenario in force, changed by the control socket while the program runs.
class settings_store {
public:
    explicit settings_store(scenario initial) : current_(std::move(initial)) {}

    scenario snapshot() const {
        const std::lock_guard lock(mutex_);
        return current_;
    }

    // Throws scenario_error; what only a start can change is refused.
    void change(const nlohmann::json& changes) {
        for (const char* key : {"geometry", "build", "cards", "stateless"})
            if (changes.contains(key))
                throw scenario_error(std::string("'") + key + "' is fixed at the start");
        const std::lock_guard lock(mutex_);
        apply_changes(current_, changes);
    }

private:
    mutable std::mutex mutex_;
    scenario current_;
};

}  // namespace corral::sim
