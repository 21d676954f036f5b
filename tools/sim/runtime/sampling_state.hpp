#pragma once

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

// The sampler's settings: global and sticky, as in the original (docs/facts/vendor_ax.md#sampling).
namespace corral::sim {

struct sampling_state {
    bool enable_temperature = false;
    double temperature = 0.7;
    bool enable_repetition_penalty = false;
    double repetition_penalty = 1.0;
    int penalty_window = 20;
    bool enable_top_p_sampling = false;
    double top_p = 0.8;
    bool enable_top_k_sampling = false;
    int top_k = 1;

    // The nine keys of post_config.json; throws nlohmann's exceptions as the original does.
    void load(const nlohmann::json& config);
    // The sampling keys of a request, one after another, with their log lines. A bad type throws after the
    // earlier keys have taken effect.
    void apply_request(const nlohmann::json& body);
    nlohmann::json to_json() const;
};

}  // namespace corral::sim
