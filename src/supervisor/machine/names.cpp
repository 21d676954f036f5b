#include "corral/supervisor/service_status.hpp"
#include "supervisor/machine/service_fsm.hpp"

namespace corral::supervisor {

const char* to_string(service_state state) noexcept {
    switch (state) {
        case service_state::stopped:
            return "stopped";
        case service_state::starting:
            return "starting";
        case service_state::ready:
            return "ready";
        case service_state::stopping:
            return "stopping";
        case service_state::waiting:
            return "waiting";
        case service_state::broken:
            return "broken";
    }
    return "unknown";
}

const char* to_string(restart_reason why) noexcept {
    switch (why) {
        case restart_reason::asked:
            return "asked";
        case restart_reason::cancel:
            return "cancel";
        case restart_reason::dependency:
            return "dependency";
        case restart_reason::hang:
            return "hang";
        case restart_reason::crash:
            return "crash";
        case restart_reason::failed_start:
            return "failed-start";
        case restart_reason::intruder:
            return "intruder";
    }
    return "unknown";
}

const char* to_string(trouble what) noexcept {
    switch (what) {
        case trouble::none:
            return "none";
        case trouble::crash:
            return "crash";
        case trouble::hang:
            return "hang";
        case trouble::failed_start:
            return "failed-start";
        case trouble::intruder:
            return "intruder";
        case trouble::breaker:
            return "breaker";
    }
    return "unknown";
}

core::reason with_advice(const core::reason& reason, const std::string& advice) {
    if (advice.empty()) {
        return reason;
    }
    if (reason.empty()) {
        return core::reason::unlisted(advice);
    }
    const bool sentence = advice.front() >= 'A' && advice.front() <= 'Z';
    const std::string_view form = reason.text().ends_with('.') ? "{reason} {advice}"
                                  : sentence                   ? "{reason}. {advice}"
                                                               : "{reason}; {advice}";
    return core::reason(core::wording{nullptr, form}, {reason, core::reason::unlisted(advice)});
}

const char* to_string(event_kind kind) noexcept {
    switch (kind) {
        case event_kind::start:
            return "start";
        case event_kind::stop:
            return "stop";
        case event_kind::let_go:
            return "let_go";
        case event_kind::kill:
            return "kill";
        case event_kind::hold:
            return "hold";
        case event_kind::release:
            return "release";
        case event_kind::gate_opened:
            return "gate_opened";
        case event_kind::gate_waits:
            return "gate_waits";
        case event_kind::gate_shut:
            return "gate_shut";
        case event_kind::spawned:
            return "spawned";
        case event_kind::refused:
            return "refused";
        case event_kind::launch_failed:
            return "launch_failed";
        case event_kind::socket_owned:
            return "socket_owned";
        case event_kind::probe_answered:
            return "probe_answered";
        case event_kind::self_test_passed:
            return "self_test_passed";
        case event_kind::self_test_failed:
            return "self_test_failed";
        case event_kind::fault:
            return "fault";
        case event_kind::fatal_line:
            return "fatal_line";
        case event_kind::progress:
            return "progress";
        case event_kind::quiesced:
            return "quiesced";
        case event_kind::probe_ok:
            return "probe_ok";
        case event_kind::probe_failed:
            return "probe_failed";
        case event_kind::exited:
            return "exited";
        case event_kind::gone:
            return "gone";
        case event_kind::repaired:
            return "repaired";
        case event_kind::adopted:
            return "adopted";
        case event_kind::timer:
            return "timer";
    }
    return "unknown";
}

}  // namespace corral::supervisor
