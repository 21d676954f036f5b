#pragma once
// What systemd hears: readiness, a status line, the watchdog's food, the beginning of the end. Does nothing
// when started by hand.

#include <optional>
#include <string>

#include "corral/core/time.hpp"

namespace corral::telemetry {

// How often the watchdog must be fed, half of what the unit allows; nothing when it is off.
[[nodiscard]] std::optional<core::nanoseconds> watchdog_interval();

// Whether a service manager listens.
[[nodiscard]] bool has_service_manager();

void notify_ready();
// Until notify_ready(), which another image of the program may tell.
void notify_reloading();
void notify_status(const std::string& line);
void notify_watchdog();
// `longest` is what stopping may take; it lengthens the unit's TimeoutStopSec where that is less.
void notify_stopping(core::milliseconds longest);

}  // namespace corral::telemetry
