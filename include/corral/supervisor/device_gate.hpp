#pragma once
// The gate of a service that needs an accelerator: looks at it through its status tool before each start, and
// learns what one process takes.

#include <memory>
#include <string>
#include <vector>

#include "corral/device/gate_policy.hpp"
#include "corral/device/reader.hpp"
#include "corral/supervisor/context.hpp"
#include "corral/supervisor/service_spec.hpp"

namespace corral::supervisor {

// `label` is for logs: "qwen3:4b/runtime".
[[nodiscard]] std::shared_ptr<start_gate> make_device_gate(const supervisor_context& context,
                                                           std::string label,
                                                           std::shared_ptr<device::reader> tool,
                                                           device::gate_options options);

// One gate for several cards: open when all are, and its figures are their sum. REQUIRES: not empty.
[[nodiscard]] std::shared_ptr<start_gate> join_gates(std::vector<std::shared_ptr<start_gate>> all);

}  // namespace corral::supervisor
