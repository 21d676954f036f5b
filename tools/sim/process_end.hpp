#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "fault_switches.hpp"

// The ways in which the originals end. None of them runs destructors: other threads may still be at work.
namespace corral::sim {

// No core files from deliberate deaths.
void forbid_core_dumps();

// Flushes stdout (as exit() would) and leaves.
[[noreturn]] void leave(int status);
// A real signal with its default action; buffered output is lost, as in the original.
[[noreturn]] void die_by_signal(int signal);
// The C++ runtime's two lines on stderr, then SIGABRT.
[[noreturn]] void die_uncaught(std::string_view type, std::string_view what);

// Obeys the faults `kill_at` and `freeze` at a phase.
void obey_end_faults(fault_switches& faults, std::string_view phase, int count = 0);
// Obeys them when they say `now`, which is their default.
void obey_immediate_end_faults(fault_switches& faults);

}  // namespace corral::sim
