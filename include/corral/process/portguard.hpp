#pragma once
// The preload library that keeps a child's TCP servers on loopback and gives a compiled-in port another
// number (tools/portguard). Whether it had an effect is only believed when listeners_on() shows it: a static
// program never meets it (docs/facts/platform_traps.md#port-guard).

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "corral/process/child.hpp"
#include "corral/process/program_check.hpp"

namespace corral::process {

// The library that belongs to this program: beside it, else in ../lib/corral; "" when it is in neither place.
[[nodiscard]] std::string find_portguard();

// Why the loader will not put `library` into the program of `what`, as far as files tell: "no-library"
// (missing, unreadable, or its path can't stand in LD_PRELOAD), "static-program", "privileged-program"
// (set-uid, set-gid or file capabilities), "other-machine". Looks only; programs that `what` starts in turn
// are not looked at.
[[nodiscard]] std::optional<program_fault> check_portguard(const spawn_spec& spec,
                                                           const std::string& library);

// Puts `library` before what LD_PRELOAD of `into` says already. `moved`: a port that the program asks for,
// and the one it gets instead.
void add_portguard(spawn_spec& into, const std::string& library,
                   const std::map<std::uint16_t, std::uint16_t>& moved);

}  // namespace corral::process
