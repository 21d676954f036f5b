#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "fault_switches.hpp"
#include "scenario.hpp"
#include "vocabulary.hpp"

// Decides what the simulated model says from nothing but the tokens in its cache, as a real one does.
namespace corral::sim {

struct output_plan {
    token_ids tokens;         // before EOS
    bool never_ends = false;  // no EOS after them: goes on with filler
    // The step at which a prompt that is deadly hangs the device, or kills the program.
    std::optional<std::size_t> hangs_at{};
    std::optional<std::size_t> dies_at{};
};

// `name`: of the package, which is what [[model=...]] asks for.
output_plan plan_output(const scenario& settings, std::span<const int> cache, std::string_view name = "sim");

// Before step `index`: switches on the fault that the prompt stands for.
void obey_prompt(const output_plan& plan, std::size_t index, fault_switches& faults);

// What a model that never ends says after its plan.
int filler_token(std::size_t index);

}  // namespace corral::sim
