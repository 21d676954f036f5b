#pragma once

#include "fault_switches.hpp"
#include "runtime/llm_engine.hpp"
#include "runtime/model_files.hpp"
#include "runtime/tokenizer_client.hpp"
#include "runtime/vendor_flags.hpp"
#include "settings_store.hpp"

// The start of the original up to `LLM init ok` (docs/facts/vendor_ax.md#start): same order, lines and ways
// to fail.
namespace corral::sim {

struct loaded_model {
    geometry_options geometry;
    package_identity identity;
    bool broken_layer = false;
    nlohmann::json post_config;  // null: greedy
};

// Does not return when the start fails.
loaded_model load_model(const vendor_flags& flags, const scenario& settings, fault_switches& faults,
                        tokenizer_client& tokenizer);

}  // namespace corral::sim
