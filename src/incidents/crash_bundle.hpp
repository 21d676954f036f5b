#pragma once
// A black box bundle as JSON (docs/troubleshooting.md): what is known of one incident. Nothing in it comes from a
// prompt, an answer, a key or an environment.

#include <chrono>
#include <deque>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "corral/catalog/profile.hpp"
#include "corral/core/time.hpp"
#include "corral/incidents/incident_policy.hpp"
#include "corral/supervisor/group.hpp"
#include "corral/telemetry/run_journal.hpp"

namespace corral::incidents {

struct bundle_facts {
    std::string model;
    incident what;
    std::size_t not_kept = 0;  // incidents before this one that got no bundle
    std::vector<supervisor::service_status> services;
    std::vector<std::deque<std::string>> lines;  // of each of `services`
    std::deque<supervisor::transition_record> history;
    std::vector<telemetry::run_record> inside;    // ran when it began
    std::vector<telemetry::run_record> finished;  // oldest first
    nlohmann::ordered_json settings;              // see settings_of()
    nlohmann::ordered_json device;                // null: not known
    bool log_content = false;                     // `lines` may hold prompts and answers
    std::chrono::system_clock::time_point time;   // of the bundle
    core::steady_time now;
};

// What of a model's configuration decides how an incident goes: no path, no command, no variable.
[[nodiscard]] nlohmann::ordered_json settings_of(const catalog::model_entry& model);

// Without the machine's figures, which cost a look at files.
[[nodiscard]] nlohmann::ordered_json to_bundle(const bundle_facts& facts);

}  // namespace corral::incidents
