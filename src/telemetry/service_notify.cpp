#include "corral/telemetry/service_notify.hpp"

#include <cstdlib>

#include <systemd/sd-daemon.h>

#include "corral/core/result.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::telemetry {

namespace {

void tell(const std::string& state) {
    const int sent = sd_notify(0, state.c_str());
    if (sent < 0) {
        warn(core::say("daemon.log/systemd", printable(state),
                       core::error_code(-sent, boost::system::system_category())));
    }
}

}  // namespace

std::optional<core::nanoseconds> watchdog_interval() {
    std::uint64_t microseconds = 0;
    if (sd_watchdog_enabled(0, &microseconds) <= 0) {
        return std::nullopt;
    }
    return core::nanoseconds(std::chrono::microseconds(microseconds)) / 2;
}

bool has_service_manager() {
    return std::getenv("NOTIFY_SOCKET") != nullptr;
}

void notify_ready() {
    tell("READY=1");
}

void notify_reloading() {
    const auto since_boot = std::chrono::steady_clock::now().time_since_epoch();
    const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(since_boot).count();
    tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds));
}

void notify_status(const std::string& line) {
    constexpr std::size_t longest = 1000;
    tell("STATUS=" + printable(line, longest));
}

void notify_watchdog() {
    tell("WATCHDOG=1");
}

void notify_stopping(core::milliseconds longest) {
    const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(longest).count();
    tell("STOPPING=1\nEXTEND_TIMEOUT_USEC=" + std::to_string(microseconds));
}

}  // namespace corral::telemetry
