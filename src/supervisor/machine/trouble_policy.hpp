#pragma once
// Which steps of a service are trouble, and which were asked for. Decides only.

#include <optional>

#include "corral/supervisor/service_status.hpp"
#include "supervisor/machine/service_fsm.hpp"

namespace corral::supervisor {

// What a machine was before a step.
struct machine_before {
    explicit machine_before(const service_machine& of)
        : state(of.state()), wanted(of.wanted), alive(of.alive()) {}
    service_state state;
    bool wanted;
    bool alive;
};

// Why the process that lived `before` ends with this step, although it is wanted; nothing: it does not, or its
// end had begun.
[[nodiscard]] std::optional<restart_reason> reason_of(const machine_before& before,
                                                      const service_event& event, const service_machine& now);

// The trouble that the step from `before` to `now`, taken for `event`, stands for. What follows from a step
// that was trouble already (the rest of a group after a death, the end of a process that was killed) is none.
[[nodiscard]] trouble trouble_of(const machine_before& before, const service_event& event,
                                 const service_machine& now);

// The step is worth a record.
[[nodiscard]] bool is_worth_a_record(const machine_before& before, const service_machine& now,
                                     trouble what) noexcept;

}  // namespace corral::supervisor
